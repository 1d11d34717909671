//! Who a node is: its key pair, and the file that keeps it.

mod crc64;
mod file;
mod keys;

use std::fmt;
use std::path::Path;

use braidcast_protocol::PeerId;
use libp2p_identity::{KeyType, Keypair};

pub use self::file::{FileFault, IdentityError, KEY_FILE, KeyFault};
pub(crate) use self::keys::IdentityKeys;

/// A node's key pair. Whoever has it is this node.
#[derive(Clone)]
pub struct Identity {
    keypair: Keypair,
    peer_id: PeerId,
}

/// A key of a kind that nodes cannot use.
#[derive(Debug, thiserror::Error)]
#[error("{key_type} keys are not supported, only Ed25519 and Secp256k1")]
pub struct UnsupportedKey {
    /// What it is.
    pub key_type: KeyType,
}

impl Identity {
    /// A new Ed25519 key pair from the system's entropy; on disk nowhere.
    pub fn generate() -> Self {
        let keypair = Keypair::generate_ed25519();
        Self { peer_id: peer_id_of(&keypair), keypair }
    }

    /// Takes a key pair: Ed25519 or secp256k1.
    pub fn new(keypair: Keypair) -> Result<Self, UnsupportedKey> {
        match keypair.key_type() {
            KeyType::Ed25519 | KeyType::Secp256k1 => Ok(Self { peer_id: peer_id_of(&keypair), keypair }),
            key_type @ (KeyType::RSA | KeyType::Ecdsa) => Err(UnsupportedKey { key_type }),
        }
    }

    /// Reads [`KEY_FILE`] in this directory. Changes nothing on disk.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, IdentityError> {
        file::load(&dir.as_ref().join(KEY_FILE))
    }

    /// Reads [`KEY_FILE`] in this directory, or puts a new Ed25519 key there if there is none.
    ///
    /// A file that is there but damaged is an error and stays as it is: a node does not silently become
    /// somebody else. When several processes do this at once, all of them get the same key.
    pub fn load_or_generate(dir: impl AsRef<Path>) -> Result<Self, IdentityError> {
        file::load_or_create(dir.as_ref(), Self::generate)
    }

    /// Writes this key pair to [`KEY_FILE`] in this directory, unless a key is there already; gives the one
    /// that is there now.
    pub fn store(self, dir: impl AsRef<Path>) -> Result<Self, IdentityError> {
        file::load_or_create(dir.as_ref(), || self)
    }

    /// The peer id that follows from the key.
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The key pair.
    pub fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    pub(crate) fn keys(&self) -> IdentityKeys {
        IdentityKeys::new(self.keypair.clone())
    }
}

impl fmt::Debug for Identity {
    /// Nothing of the private key may reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.peer_id).finish()
    }
}

/// libp2p's peer id as the core has it.
pub(crate) fn core_peer_id(peer: &libp2p_identity::PeerId) -> Option<PeerId> {
    PeerId::from_bytes(&peer.to_bytes())
}

/// The core's peer id as libp2p has it; `None` if it came from a frame and is none of libp2p's.
pub(crate) fn transport_peer_id(peer: &PeerId) -> Option<libp2p_identity::PeerId> {
    libp2p_identity::PeerId::from_bytes(peer.as_bytes()).ok()
}

fn peer_id_of(keypair: &Keypair) -> PeerId {
    core_peer_id(&keypair.public().to_peer_id()).expect("a public key's peer id has at most 42 bytes")
}
