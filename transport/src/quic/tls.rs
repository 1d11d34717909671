//! TLS 1.3 as libp2p has it over QUIC, with the cipher first at which the processor is fastest.
//!
//! Spec: libp2p "libp2p TLS Handshake". `libp2p-tls` makes our certificate and checks those of peers. Its own
//! configurations put ChaCha20-Poly1305 first, which takes three times as long as AES-GCM where there are instructions
//! for that.

use std::sync::Arc;

use libp2p::identity::Keypair;
use libp2p_tls::certificate;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, KeyLogFile, ServerConfig, SignatureScheme,
    SupportedCipherSuite,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider,
        aws_lc_rs::{
            cipher_suite::{
                TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
            },
            default_provider,
        },
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};

use crate::StartError;

/// For dialing and for listening. Both sides must show a certificate that their peer's key has signed; whose key it is
/// is for the caller to check.
pub(super) fn configs(identity: &Keypair) -> Result<(ClientConfig, ServerConfig), StartError> {
    let (certificate, key) = certificate::generate(identity).map_err(refused)?;
    let provider = Arc::new(CryptoProvider { cipher_suites: ciphers(), ..default_provider() });
    let key = provider.key_provider.load_private_key(key).map_err(refused)?;
    // Not the way that compares the two: it knows nothing of libp2p's extension of the certificate, which is critical.
    let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key)));
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PeerCertificates))
        .with_client_cert_resolver(Arc::clone(&shown) as _);
    client.alpn_protocols = vec![ALPN.to_vec()];
    client.key_log = Arc::new(KeyLogFile::new());
    // Sessions are kept by server name, and all peers have the same.
    client.resumption = Resumption::disabled();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(refused)?
        .with_client_cert_verifier(Arc::new(PeerCertificates))
        .with_cert_resolver(shown);
    server.alpn_protocols = vec![ALPN.to_vec()];
    server.key_log = Arc::new(KeyLogFile::new());
    server.send_tls13_tickets = 0;
    // Whoever dials may not know better.
    server.ignore_client_order = true;
    Ok((client, server))
}

/// Those of TLS 1.3, the best first.
fn ciphers() -> Vec<SupportedCipherSuite> {
    let mut ciphers =
        vec![TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256, TLS13_AES_256_GCM_SHA384];
    if !has_aes() {
        ciphers.swap(0, 1);
    }
    ciphers
}

/// Whether the processor has instructions for AES-GCM.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = is_x86_feature_detected!("aes") && is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let has = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has = false;
    has
}

/// Accepts what `libp2p-tls` accepts: one certificate, signed by itself, with the signature of a peer's key.
#[derive(Debug)]
struct PeerCertificates;

impl PeerCertificates {
    fn check(certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        if !others.is_empty() {
            return Err(Error::General(format!("{} certificates, one is needed", 1 + others.len())));
        }
        certificate::parse(certificate)?;
        Ok(())
    }

    fn check_signature(
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        certificate::parse(certificate)?.verify_signature(signed.scheme, message, signed.signature())?;
        Ok(HandshakeSignatureValid::assertion())
    }
}

/// What both kinds of verifier have in common.
macro_rules! check_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(too_old())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Self::check_signature(message, certificate, signed)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            SCHEMES.to_vec()
        }
    };
}

impl ServerCertVerifier for PeerCertificates {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Self::check(certificate, others).map(|()| ServerCertVerified::assertion())
    }

    check_signatures!();
}

impl ClientCertVerifier for PeerCertificates {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Self::check(certificate, others).map(|()| ClientCertVerified::assertion())
    }

    check_signatures!();
}

fn too_old() -> Error {
    Error::General("QUIC needs TLS 1.3".to_owned())
}

fn refused(error: impl std::fmt::Display) -> StartError {
    StartError::Identity { reason: error.to_string() }
}

/// The protocol over QUIC, whatever follows.
const ALPN: &[u8] = b"libp2p";

/// Of certificates and handshakes; RSA only where there is nothing else, as the specification asks.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

#[cfg(test)]
mod tests {
    use rustls::{CipherSuite, ClientConnection, ServerConnection};

    use super::*;

    /// What both sides agree on, or why one of them refuses.
    fn handshake(client: ClientConfig, server: ServerConfig) -> Result<CipherSuite, Error> {
        let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("l").unwrap())?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            client.write_tls(&mut bytes).unwrap();
            server.read_tls(&mut bytes.as_slice()).unwrap();
            server.process_new_packets()?;
            bytes.clear();
            server.write_tls(&mut bytes).unwrap();
            client.read_tls(&mut bytes.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        assert!(client.peer_certificates().is_some() && server.peer_certificates().is_some());
        Ok(client.negotiated_cipher_suite().unwrap().suite())
    }

    fn ours() -> (ClientConfig, ServerConfig) {
        configs(&Keypair::generate_ed25519()).unwrap()
    }

    #[test]
    fn the_fastest_cipher_is_taken_whoever_dials() {
        let best = ciphers()[0].suite();
        let stock = libp2p_tls::make_client_config(&Keypair::generate_ed25519(), None).unwrap();
        assert_eq!(handshake(ours().0, ours().1).unwrap(), best);
        assert_eq!(handshake(stock, ours().1).unwrap(), best);
    }

    #[test]
    fn a_stock_listener_is_understood_and_decides() {
        let stock = libp2p_tls::make_server_config(&Keypair::generate_ed25519()).unwrap();
        assert!(handshake(ours().0, stock).is_ok());
    }

    #[test]
    fn certificates_must_be_one_and_signed_by_a_peer() {
        let (good, _key) = certificate::generate(&Keypair::generate_ed25519()).unwrap();
        assert!(PeerCertificates::check(&good, &[]).is_ok());
        assert!(PeerCertificates::check(&good, std::slice::from_ref(&good)).is_err());
        // A bit of the peer's signature, which stands in the certificate, and one of the certificate's own.
        let len = good.len();
        for place in [len / 2, len - 1] {
            let mut bytes = good.to_vec();
            bytes[place] ^= 1;
            assert!(
                PeerCertificates::check(&CertificateDer::from(bytes), &[]).is_err(),
                "byte {place} of {len}"
            );
        }
        assert!(PeerCertificates::check(&CertificateDer::from(b"none".to_vec()), &[]).is_err());
    }
}
