//! Signing and verifying for the core, on `libp2p-identity`.

use braidcast_protocol::{Keys, PeerId};
use bytes::Bytes;
use libp2p_identity::{Keypair, PublicKey};

/// A node's key pair as the core uses it. Only of kinds that [`super::Identity`] admits.
pub(crate) struct IdentityKeys(pub(super) Keypair);

impl Keys for IdentityKeys {
    fn sign(&self, message: &[u8]) -> Bytes {
        let signature = self.0.sign(message);
        // Only RSA signing can fail, and an `Identity` never holds an RSA key.
        Bytes::from(signature.expect("an identity is an Ed25519 or secp256k1 key"))
    }

    fn public_key(&self) -> Option<Bytes> {
        // Keys of both admitted kinds are short enough to stand in the peer id itself.
        None
    }

    fn verify(&self, peer: &PeerId, key: Option<&[u8]>, message: &[u8], signature: &[u8]) -> bool {
        let Some(encoded) = key.or_else(|| inline_key(peer)) else { return false };
        let Ok(key) = PublicKey::try_decode_protobuf(encoded) else { return false };
        // An attached key proves nothing unless it is the peer's; an inline one is compared as well, so
        // that each key has one peer id only.
        key.to_peer_id().to_bytes() == peer.as_bytes() && key.verify(message, signature)
    }
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
            let keys = IdentityKeys(keypair.clone());
            let signature = keys.sign(b"message");
            let attached = keypair.public().encode_protobuf();
            assert_eq!(keys.public_key(), None);
            assert!(keys.verify(&me, None, b"message", &signature));
            assert!(keys.verify(&me, Some(&attached), b"message", &signature));
            assert!(!keys.verify(&me, None, b"massage", &signature));
            assert!(!keys.verify(&me, None, b"message", &signature[1..]));
            assert!(!keys.verify(&me, Some(b"junk"), b"message", &signature));
            assert!(!keys.verify(&peer_of(&Keypair::generate_ed25519()), None, b"message", &signature));
        }
    }

    /// Of each kind that peers may have. An RSA key cannot be made here: this one is for the test alone.
    #[test]
    fn signatures_of_all_kinds_of_keys_are_verified() {
        let mut rsa = include_bytes!("testdata/rsa-2048.pk8").to_vec();
        let keys = IdentityKeys(Keypair::generate_ed25519());
        let kinds = [
            Keypair::generate_ed25519(),
            Keypair::generate_secp256k1(),
            Keypair::generate_ecdsa(),
            Keypair::rsa_from_pkcs8(&mut rsa).unwrap(),
        ];
        for keypair in kinds {
            let (peer, attached) = (peer_of(&keypair), keypair.public().encode_protobuf());
            let signature = keypair.sign(b"message").unwrap();
            assert!(keys.verify(&peer, Some(&attached), b"message", &signature), "{:?}", keypair.key_type());
            assert!(!keys.verify(&peer, Some(&attached), b"massage", &signature), "{:?}", keypair.key_type());
        }
    }

    #[test]
    fn a_key_too_long_for_the_peer_id_must_be_attached_and_match() {
        let keypair = Keypair::generate_ecdsa();
        let (me, attached) = (peer_of(&keypair), keypair.public().encode_protobuf());
        let other = Keypair::generate_ecdsa();
        let keys = IdentityKeys(Keypair::generate_ed25519());
        let signature = keypair.sign(b"message").unwrap();
        assert!(keys.verify(&me, Some(&attached), b"message", &signature));
        assert!(!keys.verify(&me, None, b"message", &signature));
        // Signed well, but by somebody else.
        let foreign = (other.public().encode_protobuf(), other.sign(b"message").unwrap());
        assert!(!keys.verify(&me, Some(&foreign.0), b"message", &foreign.1));
    }
}
