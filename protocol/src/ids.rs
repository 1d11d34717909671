//! The names of things: peers, links, topics, messages.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use sha2::{Digest, Sha256};
use smallvec::SmallVec;

/// A libp2p peer id: the multihash bytes of a public key, held inline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    bytes: [u8; Self::BYTES_MAX],
    len: u8,
}

impl PeerId {
    /// An inlined Ed25519 or secp256k1 key takes 38 or 39 bytes, a SHA-256 multihash 34; 42 is libp2p's limit.
    pub const BYTES_MAX: usize = 42;

    /// Takes the multihash bytes as they stand; `None` when empty or longer than [`Self::BYTES_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > Self::BYTES_MAX {
            return None;
        }
        let mut peer = Self { bytes: [0; Self::BYTES_MAX], len: bytes.len() as u8 };
        peer.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(peer)
    }

    /// The multihash bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tail is the key; the head is the same for every Ed25519 peer.
        write!(f, "Peer(")?;
        short_hex(f, &self.as_bytes()[self.as_bytes().len().saturating_sub(4)..])?;
        write!(f, ")")
    }
}

/// One live authenticated link, chosen by the driver; never used again for another link in a node's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(u32);

impl LinkId {
    /// Names a link by the driver's number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The driver's number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A topic's name. Cheap to clone; ordered by its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// A topic of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A GossipSub message id: bytes of any length. See [`crate::MessageIds`] for ours.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(SmallVec<[u8; 48]>);

impl MessageId {
    /// Takes id bytes as a peer sent them.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(SmallVec::from_slice(bytes))
    }

    /// The default id: the publisher's peer id, then the sequence number in 8 big-endian bytes.
    pub fn of(publisher: &PeerId, seqno: u64) -> Self {
        let mut id = SmallVec::from_slice(publisher.as_bytes());
        id.extend_from_slice(&seqno.to_be_bytes());
        Self(id)
    }

    /// The id by content: the 32 bytes of the payload's SHA-256.
    pub fn of_content(content: &ContentId) -> Self {
        Self::from_bytes(content.as_bytes())
    }

    /// The id's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message(")?;
        short_hex(f, &self.0[self.0.len().saturating_sub(4)..])?;
        write!(f, ")")
    }
}

/// Names one coded message: the BLAKE3 hash of its signed header body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodingId([u8; 32]);

impl CodingId {
    /// The id of the message whose header body has this encoding.
    pub fn of(header_body: &[u8]) -> Self {
        Self(*blake3::hash(header_body).as_bytes())
    }

    /// Takes an id as a peer sent it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CodingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coding(")?;
        short_hex(f, &self.0)?;
        write!(f, ")")
    }
}

/// What clients, traces and snapshots call a message: the SHA-256 of its payload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId([u8; 32]);

impl ContentId {
    /// Hashes a payload.
    pub fn of(payload: &[u8]) -> Self {
        Self(Sha256::digest(payload).into())
    }

    /// Takes a digest as a header carries it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _infallible = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content(")?;
        short_hex(f, &self.0)?;
        write!(f, ")")
    }
}

/// Four bytes are enough to tell ids apart in a log line.
fn short_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_have_a_length_between_1_and_42() {
        assert!(PeerId::from_bytes(&[]).is_none());
        assert!(PeerId::from_bytes(&[7; 43]).is_none());
        assert_eq!(PeerId::from_bytes(&[7; 42]).unwrap().as_bytes(), &[7; 42]);
    }

    #[test]
    fn the_default_message_id_is_publisher_then_seqno() {
        let peer = PeerId::from_bytes(&[1, 2]).unwrap();
        assert_eq!(MessageId::of(&peer, 0x0304).as_bytes(), &[1, 2, 0, 0, 0, 0, 0, 0, 3, 4]);
    }

    #[test]
    fn the_content_id_is_hex_sha256() {
        assert_eq!(
            ContentId::of(b"").to_hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
