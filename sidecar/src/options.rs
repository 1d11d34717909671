//! What can be chosen about a sidecar.

use std::time::Duration;

use crate::message::JsonStyle;
use crate::outbox::OutboxBounds;

/// What can be chosen about a sidecar.
#[derive(Clone, Debug)]
pub struct Options {
    /// Keys of a message's JSON; default [`JsonStyle::Both`].
    pub json: JsonStyle,
    /// Whether streams carry trace events; default yes.
    pub traces: bool,
    /// Whether every stream gets the messages of all the node's topics, as OptimumP2P nodes do; default no:
    /// only those it subscribed to.
    pub deliver_all: bool,
    /// Payload of the command that publishes random data, bytes; default 1024.
    pub random_bytes: usize,
    /// Largest request, bytes; default 128 MiB. A longer one ends its stream; a payload below this but over
    /// the node's limit is refused and the stream goes on.
    pub request_bytes_max: usize,
    /// What may wait for one client that reads slowly.
    pub outbox: OutboxBounds,
    /// How long a stream that published and was half-closed waits for the trace event that says so, before it
    /// answers by itself; default 1 s. Clients wait 10 s (compat 1.5, rule 3).
    pub answer_after: Duration,
    /// How long open streams may take to end when the sidecar stops, after which they are cut; default 5 s.
    pub drain_deadline: Duration,
    /// Where the node is, for people.
    pub location: Location,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            json: JsonStyle::default(),
            traces: true,
            deliver_all: false,
            random_bytes: 1024,
            request_bytes_max: 128 << 20,
            outbox: OutboxBounds::default(),
            answer_after: Duration::from_secs(1),
            drain_deadline: Duration::from_secs(5),
            location: Location::default(),
        }
    }
}

/// Where a node is, for people; `unknown` unless configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The country's name.
    pub country: String,
    /// Its two-letter code.
    pub country_iso: String,
}

impl Default for Location {
    fn default() -> Self {
        Self { country: "unknown".to_owned(), country_iso: "unknown".to_owned() }
    }
}
