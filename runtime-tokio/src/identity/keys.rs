//! Signing and verifying for the core, on `libp2p-identity`.

use braidcast_protocol::{Keys, PeerId};
use bytes::Bytes;
use ed25519_dalek::ed25519::signature::{MultipartSigner, MultipartVerifier};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use libp2p_identity::{Keypair, PublicKey};

/// A node's key pair as the core uses it. Only of kinds that [`super::Identity`] admits.
pub(crate) struct IdentityKeys {
    keypair: Keypair,
    /// The same, if it is an Ed25519 key: it signs and verifies in pieces what the others need in one.
    ed25519: Option<SigningKey>,
}

impl IdentityKeys {
    pub(super) fn new(keypair: Keypair) -> Self {
        let secret = keypair.clone().try_into_ed25519().ok().map(|pair| pair.secret());
        let secret = secret.and_then(|secret| <[u8; 32]>::try_from(secret.as_ref()).ok());
        Self { keypair, ed25519: secret.map(|secret| SigningKey::from_bytes(&secret)) }
    }
}

impl Keys for IdentityKeys {
    fn sign(&self, message: &[&[u8]]) -> Bytes {
        if let Some(key) = &self.ed25519 {
            return Bytes::copy_from_slice(&key.multipart_sign(message).to_bytes());
        }
        let signature = self.keypair.sign(&message.concat());
        // Only RSA signing can fail, and an `Identity` never holds an RSA key.
        Bytes::from(signature.expect("an identity is an Ed25519 or secp256k1 key"))
    }

    fn public_key(&self) -> Option<Bytes> {
        // Keys of both admitted kinds are short enough to stand in the peer id itself.
        None
    }

    fn verify(&self, peer: &PeerId, key: Option<&[u8]>, message: &[&[u8]], signature: &[u8]) -> bool {
        let Some(encoded) = key.or_else(|| inline_key(peer)) else { return false };
        if let Some(key) = ed25519_key(encoded) {
            let signature = Signature::from_slice(signature);
            return inline_key(peer) == Some(encoded)
                && signature.is_ok_and(|signature| key.multipart_verify(message, &signature).is_ok());
        }
        let Ok(key) = PublicKey::try_decode_protobuf(encoded) else { return false };
        // An attached key proves nothing unless it is the peer's; an inline one is compared as well, so
        // that each key has one peer id only.
        key.to_peer_id().to_bytes() == peer.as_bytes() && key.verify(&message.concat(), signature)
    }
}

/// The protobuf of an Ed25519 key as everybody writes it: type 1, then 32 bytes (libp2p specification, "Peer Ids").
fn ed25519_key(encoded: &[u8]) -> Option<VerifyingKey> {
    let key = encoded.strip_prefix(&[0x08, 0x01, 0x12, 0x20])?;
    VerifyingKey::from_bytes(key.try_into().ok()?).ok()
}

/// The key in a peer id: an identity multihash is `00`, the length, the key's protobuf.
fn inline_key(peer: &PeerId) -> Option<&[u8]> {
    match peer.as_bytes() {
        [0, len, key @ ..] if usize::from(*len) == key.len() => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::core_peer_id;

    fn peer_of(keypair: &Keypair) -> PeerId {
        core_peer_id(&keypair.public().to_peer_id()).unwrap()
    }

    #[test]
    fn a_signature_is_checked_against_the_key_in_the_peer_id() {
        for keypair in [Keypair::generate_ed25519(), Keypair::generate_secp256k1()] {
            let me = peer_of(&keypair);
            let keys = IdentityKeys::new(keypair.clone());
            let signature = keys.sign(&[b"mess", b"age"]);
            let attached = keypair.public().encode_protobuf();
            assert_eq!(keys.public_key(), None);
            assert!(keys.verify(&me, None, &[b"message"], &signature));
            assert!(keys.verify(&me, Some(&attached), &[b"m", b"essage"], &signature));
            assert!(!keys.verify(&me, None, &[b"massage"], &signature));
            assert!(!keys.verify(&me, None, &[b"message"], &signature[1..]));
            assert!(!keys.verify(&me, Some(b"junk"), &[b"message"], &signature));
            assert!(!keys.verify(&peer_of(&Keypair::generate_ed25519()), None, &[b"message"], &signature));
        }
    }

    /// Of each kind that peers may have. An RSA key cannot be made here: this one is for the test alone.
    #[test]
    fn signatures_of_all_kinds_of_keys_are_verified() {
        let mut rsa = include_bytes!("testdata/rsa-2048.pk8").to_vec();
        let keys = IdentityKeys::new(Keypair::generate_ed25519());
        let kinds = [
            Keypair::generate_ed25519(),
            Keypair::generate_secp256k1(),
            Keypair::generate_ecdsa(),
            Keypair::rsa_from_pkcs8(&mut rsa).unwrap(),
        ];
        for keypair in kinds {
            let (peer, attached) = (peer_of(&keypair), keypair.public().encode_protobuf());
            let signature = keypair.sign(b"message").unwrap();
            assert!(
                keys.verify(&peer, Some(&attached), &[b"m", b"essage"], &signature),
                "{:?}",
                keypair.key_type()
            );
            assert!(
                !keys.verify(&peer, Some(&attached), &[b"massage"], &signature),
                "{:?}",
                keypair.key_type()
            );
        }
    }

    #[test]
    fn a_key_too_long_for_the_peer_id_must_be_attached_and_match() {
        let keypair = Keypair::generate_ecdsa();
        let (me, attached) = (peer_of(&keypair), keypair.public().encode_protobuf());
        let other = Keypair::generate_ecdsa();
        let keys = IdentityKeys::new(Keypair::generate_ed25519());
        let signature = keypair.sign(b"message").unwrap();
        assert!(keys.verify(&me, Some(&attached), &[b"m", b"essage"], &signature));
        assert!(!keys.verify(&me, None, &[b"message"], &signature));
        // Signed well, but by somebody else.
        let foreign = (other.public().encode_protobuf(), other.sign(b"message").unwrap());
        assert!(!keys.verify(&me, Some(&foreign.0), &[b"message"], &foreign.1));
    }
}
