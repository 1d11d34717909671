//! Signing and verifying, handed to the core by the driver.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::PeerId;

/// A node's key pair and the verification of others' signatures.
///
/// Drivers stand this on `libp2p-identity`; [`HashKeys`] is the simulator's stand-in.
pub trait Keys: Send + Sync {
    /// Signs with this node's key what these pieces are together: a long payload is not copied for it.
    fn sign(&self, message: &[&[u8]]) -> Bytes;

    /// The public key's protobuf, when this node's peer id does not contain it (RSA); else `None`.
    fn public_key(&self) -> Option<Bytes>;

    /// Whether `signature` over these pieces is that of `peer`.
    ///
    /// `key` is the public key's protobuf if the sender attached one; it must then match `peer`.
    fn verify(&self, peer: &PeerId, key: Option<&[u8]>, message: &[&[u8]], signature: &[u8]) -> bool;
}

/// A stand-in for signatures in simulations: the BLAKE3 hash of peer and message.
///
/// **Not a signature**: everyone can make it. It finds the faults of honest nodes at a thousandth of the cost.
#[derive(Clone, Copy, Debug)]
pub struct HashKeys(PeerId);

impl HashKeys {
    /// The stand-in key of this peer.
    pub const fn new(me: PeerId) -> Self {
        Self(me)
    }

    fn tag(peer: &PeerId, message: &[&[u8]]) -> [u8; 32] {
        let mut hash = blake3::Hasher::new();
        hash.update(peer.as_bytes());
        message.iter().for_each(|piece| {
            hash.update(piece);
        });
        *hash.finalize().as_bytes()
    }
}

impl Keys for HashKeys {
    fn sign(&self, message: &[&[u8]]) -> Bytes {
        Bytes::from(Vec::from(Self::tag(&self.0, message)))
    }

    fn public_key(&self) -> Option<Bytes> {
        None
    }

    fn verify(&self, peer: &PeerId, _key: Option<&[u8]>, message: &[&[u8]], signature: &[u8]) -> bool {
        signature == Self::tag(peer, message)
    }
}
