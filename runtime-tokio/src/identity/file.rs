//! The identity file: a CRC-64/ISO in 8 little-endian bytes, then JSON `{"Key":"<base64>","ID":"<peer id>"}`,
//! where the key is libp2p's private key protobuf. Nodes of the documented system read and write the same.
//!
//! F1: a key file appears complete or not at all. F2: a key file that exists is never overwritten.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use libp2p_identity::Keypair;
use serde::{Deserialize, Serialize};

use super::crc64::checksum;
use super::{Identity, UnsupportedKey};

/// Name of the key file in an identity directory.
pub const KEY_FILE: &str = "p2p.key";

/// Why an identity could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read, or does not hold what was once written.
    #[error("read key from disk: {fault} ({})", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: FileFault,
    },
    /// The file is whole, but holds no usable key.
    #[error("unmarshal privkey: {fault} ({})", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with the key.
        #[source]
        fault: KeyFault,
    },
    /// A new key could not be put on disk.
    #[error("write key to disk: {source} ({})", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with an identity file.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// There is not even a whole checksum.
    #[error("file is too short")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// No key is this long.
    #[error("file is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: u64,
    },
    /// The contents have changed since they were written.
    #[error("checksum mismatch: {stored:016x} != {computed:016x}")]
    Checksum {
        /// In the file.
        stored: u64,
        /// Of the rest of the file.
        computed: u64,
    },
    /// Not the JSON object that it should be.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The system does not give it out.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wrong with a private key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Not base64.
    #[error(transparent)]
    Base64(#[from] base64::DecodeError),
    /// Not libp2p's protobuf of a private key.
    #[error(transparent)]
    Protobuf(#[from] libp2p_identity::DecodingError),
    /// A kind that nodes cannot use.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedKey),
    /// The peer id beside it belongs to another key.
    #[error("the key is that of {actual}, the file says {named}")]
    OtherPeer {
        /// In the file.
        named: String,
        /// Of the key.
        actual: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Contents {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "ID")]
    id: String,
}

pub(super) fn load(path: &Path) -> Result<Identity, IdentityError> {
    let contents = read(path).map_err(|fault| IdentityError::Read { path: path.to_owned(), fault })?;
    identity(&contents).map_err(|fault| IdentityError::Key { path: path.to_owned(), fault })
}

/// Loads the key file, or creates it with the key that `make` gives.
pub(super) fn load_or_create(dir: &Path, make: impl FnOnce() -> Identity) -> Result<Identity, IdentityError> {
    let path = dir.join(KEY_FILE);
    // Only "there is nothing" makes a new key; whatever else is wrong is for people to look at.
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let created = encode(&make()).and_then(|bytes| create(dir, &path, &bytes));
            created.map_err(|source| IdentityError::Write { path: path.clone(), source })?;
        }
        Ok(_) | Err(_) => {}
    }
    // Even when we wrote a file: another process may have been first, then its key is ours too.
    load(&path)
}

fn read(path: &Path) -> Result<Contents, FileFault> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileFault::TooLong { bytes_max: FILE_BYTES_MAX });
    }
    decode(&bytes)
}

fn decode(bytes: &[u8]) -> Result<Contents, FileFault> {
    let Some((stored, json)) = bytes.split_first_chunk() else {
        return Err(FileFault::TooShort { bytes: bytes.len() });
    };
    let (stored, computed) = (u64::from_le_bytes(*stored), checksum(json));
    if stored != computed {
        return Err(FileFault::Checksum { stored, computed });
    }
    Ok(serde_json::from_slice(json)?)
}

fn identity(contents: &Contents) -> Result<Identity, KeyFault> {
    let keypair = Keypair::from_protobuf_encoding(&BASE64.decode(&contents.key)?)?;
    let actual = keypair.public().to_peer_id().to_base58();
    if actual != contents.id {
        return Err(KeyFault::OtherPeer { named: contents.id.clone(), actual });
    }
    Ok(Identity::new(keypair)?)
}

fn encode(identity: &Identity) -> io::Result<Vec<u8>> {
    let key = identity.keypair.to_protobuf_encoding().map_err(io::Error::other)?;
    let id = identity.keypair.public().to_peer_id().to_base58();
    let json = serde_json::to_vec(&Contents { key: BASE64.encode(key), id })?;
    Ok([&checksum(&json).to_le_bytes()[..], &json].concat())
}

/// Puts a complete file at `path`, unless there is one by then.
fn create(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    directory(dir)?;
    let temporary = Temporary::write(dir, bytes)?;
    // A link and not a rename: renaming replaces what another process has put there meanwhile.
    match fs::hard_link(&temporary.0, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // Some file systems have no links. There, two processes that start at the same moment may differ.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
        {
            fs::rename(&temporary.0, path)?;
        }
        Err(error) => return Err(error),
    }
    sync_directory(dir)
}

/// The new file's contents under another name; gone when dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn write(dir: &Path, bytes: &[u8]) -> io::Result<Self> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let path = dir.join(format!(".{KEY_FILE}.{:016x}", u64::from_le_bytes(nonce)));
        let mut file = private_file().open(&path)?;
        let temporary = Self(path);
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is gone already where it was renamed.
        let _gone = fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(unix)]
fn directory(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o755).create(dir)
}

#[cfg(not(unix))]
fn directory(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(dir)
}

/// Makes the new name survive a power failure.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> io::Result<()> {
    // Directories cannot be opened as files there.
    Ok(())
}

/// An RSA-4096 key in base64 takes 4 KiB.
const FILE_BYTES_MAX: u64 = 64 << 10;
