//! Events as words of the trace hash.

use std::hash::Hash;

use braidcast_protocol::{DownCause, Event, Origin, TraceHash, Verdict};

/// Adds an event that a node is given. A frame is named by its number: its contents went in when it was sent.
pub(crate) fn event(hash: &mut TraceHash, event: &Event, frame: u64) {
    match event {
        Event::LinkUp { link, peer, origin, agent } => {
            (1u8, link, peer, *origin == Origin::Inbound, agent.protocol.id()).hash(hash);
        }
        Event::LinkDown { link, cause } => {
            let cause = match cause {
                DownCause::Lost => 0u8,
                DownCause::Closed => 1,
                DownCause::TooSlow => 2,
            };
            (2u8, link, cause).hash(hash);
        }
        Event::Received { link, rpc: _ } => (3u8, link, frame).hash(hash),
        Event::Malformed { link, fault: _ } => (4u8, link, frame).hash(hash),
        Event::LinkReady { link, bytes } => (5u8, link, bytes).hash(hash),
        Event::LinkStats { link, rtt, lost } => (6u8, link, rtt, lost).hash(hash),
        Event::Judged { message, verdict } => {
            let verdict = match verdict {
                Verdict::Accept => 0u8,
                Verdict::Reject => 1,
                Verdict::Ignore => 2,
            };
            (7u8, message, verdict).hash(hash);
        }
        Event::Rated { peer, score } => (9u8, peer, score).hash(hash),
        Event::Wake => 8u8.hash(hash),
        Event::Arriving { link, head } => (11u8, link, head).hash(hash),
        Event::PeerRecord { link, record } => (10u8, link, record).hash(hash),
    }
}
