//! Errors of the calls; what goes wrong later arrives as an [`Event`](crate::Event).

use libp2p::Multiaddr;

use crate::LinkId;

/// The endpoint could not start; nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operator's address is taken, is not ours or is of a kind we do not speak.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address as configured.
        address: Multiaddr,
        /// What the operating system or libp2p said.
        reason: String,
    },
    /// [`Config::protocols`](crate::Config::protocols) is empty.
    #[error("no stream protocol is configured")]
    NoProtocols,
    /// Stream protocol ids start with a slash.
    #[error("not a stream protocol id: {id:?}")]
    Protocol {
        /// The id as configured.
        id: String,
    },
    /// A configured size or number is zero or beyond what the wire can express.
    #[error("{field} is {value}, allowed is 1 to {value_max}")]
    OutOfRange {
        /// Name of the field in [`Config`](crate::Config).
        field: &'static str,
        /// The value as configured.
        value: usize,
        /// The largest allowed value.
        value_max: usize,
    },
    /// A configured duration is zero.
    #[error("{field} is zero")]
    NoTime {
        /// Name of the field in [`Config`](crate::Config).
        field: &'static str,
    },
    /// No certificate or handshake key could be made from the identity.
    #[error("the identity cannot be used for encrypted connections: {reason}")]
    Identity {
        /// What the cryptographic library said.
        reason: String,
    },
}

/// A frame was not queued; nothing of it will be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The link is down or going down; its `LinkDown` has been or will be reported.
    #[error("{link} is closed")]
    Closed {
        /// The link.
        link: LinkId,
    },
    /// The caller sent data without room; wait for `Writable`.
    #[error("{link} has no room, {bytes_queued} bytes are queued")]
    Full {
        /// The link.
        link: LinkId,
        /// Data bytes queued at the time.
        bytes_queued: usize,
    },
    /// The peer did not read its control frames. This call has closed the link.
    #[error("{link} is closed: {bytes_queued} bytes of control frames are queued")]
    ControlOverflow {
        /// The link.
        link: LinkId,
        /// Control bytes queued at the time.
        bytes_queued: usize,
    },
}

/// A dial was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The caller dials faster than dials can be started.
    #[error("{pending_max} dials are waiting, {addresses:?} was not dialed")]
    Busy {
        /// The addresses of this call.
        addresses: Vec<Multiaddr>,
        /// Bound of the queue.
        pending_max: usize,
    },
    /// The endpoint has been shut down.
    #[error("the transport has been shut down")]
    ShutDown,
}
