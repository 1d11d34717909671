//! What a peer program is told on its standard input, and what it tells on its standard output: one JSON object a line.
//!
//! `interop/README.md` describes it for those who write such a program.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the driver wants done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Command {
    /// The first line, and only that: start to listen, then say [`Event::Ready`].
    Start(Start),
    /// Join a topic.
    Subscribe {
        /// Its name.
        topic: String,
    },
    /// Leave a topic.
    Unsubscribe {
        /// Its name.
        topic: String,
    },
    /// Dial a multiaddr that ends in `/p2p/<peer id>`.
    Connect {
        /// Where to.
        address: String,
    },
    /// Publish.
    Publish(Batch),
    /// Close the connections and end.
    Stop,
}

/// How a peer is to be set up. What is not named here stays as the library has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The ed25519 seed of its key, 64 hex digits.
    pub identity: String,
    /// The multiaddr to listen at.
    pub listen: String,
    /// Time between heartbeats, milliseconds.
    pub heartbeat_ms: u64,
    /// *D*, *D_lo* and *D_hi* at once, where the library lets them be set; its own without.
    pub degree: Option<usize>,
    /// Largest RPC to send and accept, bytes, where the library lets it be set.
    pub rpc_bytes_max: usize,
    /// Whether messages are signed and named by publisher and number; if not, they are anonymous and named by the
    /// SHA-256 of their bytes, as far as the library can do it.
    pub signed: bool,
    /// Whether it speaks ping; if not, it pings all the same, as often as the library lets it, and tells.
    pub ping: bool,
    /// Whether its PRUNE names others, where the library lets it be set.
    pub px: bool,
}

/// Messages that both sides can compute: number `i` repeats SHA-256(`seed` ‖ `i`), both as eight bytes, most
/// significant first, up to `size`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Where to publish.
    pub topic: String,
    /// Bytes of each message.
    pub size: usize,
    /// How many messages.
    pub count: u64,
    /// The number of the first.
    pub first: u64,
    /// Makes them differ from other batches.
    pub seed: u64,
}

impl Batch {
    /// The messages, in order.
    pub fn payloads(&self) -> impl Iterator<Item = Vec<u8>> {
        let Self { size, count, first, seed, .. } = *self;
        (first..first + count).map(move |index| {
            let block = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(index.to_be_bytes());
            block.finalize().into_iter().cycle().take(size).collect()
        })
    }

    /// [`hash`] of each message, in order.
    pub fn hashes(&self) -> Vec<String> {
        self.payloads().map(|payload| hash(&payload)).collect()
    }
}

/// The SHA-256 of a message, as 64 hex digits.
pub fn hash(payload: &[u8]) -> String {
    Sha256::digest(payload).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a peer program saw. Peers are named by their ids in base58btc.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// It listens.
    Ready {
        /// Its own id.
        peer: String,
        /// Where it can be dialed, each with `/p2p/<peer id>` at its end.
        addresses: Vec<String>,
    },
    /// A connection is up.
    Connected {
        /// With whom.
        peer: String,
    },
    /// The last connection with a peer is gone.
    Disconnected {
        /// With whom.
        peer: String,
    },
    /// A peer said that it joined a topic.
    Subscribed {
        /// Who.
        peer: String,
        /// Which.
        topic: String,
    },
    /// A peer entered the mesh. Not every library tells.
    Grafted {
        /// Who.
        peer: String,
        /// Of which topic.
        topic: String,
    },
    /// A peer left the mesh. Not every library tells.
    Pruned {
        /// Who.
        peer: String,
        /// Of which topic.
        topic: String,
    },
    /// A message was delivered to the application.
    Message {
        /// Where it was published.
        topic: String,
        /// Its [`hash`].
        hash: String,
        /// Who published it.
        from: String,
    },
    /// A peer told who it is, with a signed record of its addresses. Not every library tells.
    Identified {
        /// Who.
        peer: String,
    },
    /// A ping of its own was answered; told where [`Start::ping`] is false.
    Pinged {
        /// By whom.
        peer: String,
    },
    /// Something failed that should not. The driver fails the test.
    Error {
        /// What.
        text: String,
    },
}
