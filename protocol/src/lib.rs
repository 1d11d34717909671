//! Braidcast's pure publish/subscribe state machine: events in, actions out.
//!
//! [`Node`] is GossipSub with an extension: large messages travel as random linear combinations of their parts
//! (RLNC shards), made for a link at the moment the link can take them. It has no clock, no sockets and no entropy
//! of its own, so that production and a simulation of ten thousand nodes run the same code, and any run can be
//! repeated to the bit.
//!
//! # The loop
//!
//! 1. Give the node one input: a fact ([`Node::handle`]) or a command ([`Node::subscribe`], [`Node::publish`], …),
//!    with the time.
//! 2. Drain [`Actions`], in order, and do what they say.
//! 3. Arm one timer for [`Node::next_deadline`]; when it fires, the next input is [`Event::Wake`].
//!
//! Bulk data leaves only against [`Event::LinkReady`]: a driver reports a link's free room when the link comes up
//! and whenever it has drained.
//!
//! Two nodes, and a driver that moves frames between them at once:
//!
//! ```
//! use std::{collections::VecDeque, sync::Arc};
//! use braidcast_protocol::*;
//!
//! let config = Arc::new(Config::new(Settings::default()).unwrap());
//! let now = Time::EPOCH;
//! let mut nodes: Vec<Node> = [1, 2]
//!     .map(|n| {
//!         let me = PeerId::from_bytes(&[n]).unwrap();
//!         Node::new(config.clone(), me, Arc::new(HashKeys::new(me)), Seed::from_number(n.into()), now)
//!     })
//!     .into();
//!
//! let topic = Topic::new("example");
//! let mut out = Actions::new();
//! let mut inbox = VecDeque::new(); // (node, event)
//! let mut delivered = Vec::new();
//! for n in 0..2 {
//!     let link = LinkId::new(1 - n); // a driver's number; here the other node's
//!     let peer = PeerId::from_bytes(&[2 - n as u8]).unwrap();
//!     let agent = Agent { protocol: Protocol::Meshsub13, ip: None };
//!     inbox.push_back((n, Event::LinkUp { link, peer, origin: Origin::Outbound, agent }));
//!     inbox.push_back((n, Event::LinkReady { link, bytes: usize::MAX }));
//!     nodes[n as usize].subscribe(now, &topic, &mut out).unwrap();
//! }
//!
//! let payload = vec![7; 100_000];
//! for published in [false, true] {
//!     if published {
//!         nodes[0].publish(now, &topic, payload.clone().into(), &mut out).unwrap();
//!     }
//!     let mut actor = 0;
//!     loop {
//!         for action in out.drain() {
//!             match action {
//!                 Action::Send { link, rpc, .. } => {
//!                     let from = LinkId::new(actor);
//!                     inbox.push_back((link.number(), Event::Received { link: from, rpc }));
//!                 }
//!                 Action::Deliver { payload, .. } => delivered.push((actor, payload)),
//!                 Action::Dial { .. } | Action::Close { .. } => {}
//!             }
//!         }
//!         let Some((node, event)) = inbox.pop_front() else { break };
//!         actor = node;
//!         nodes[node as usize].handle(now, event, &mut out);
//!         nodes[node as usize].check_invariants().unwrap();
//!     }
//! }
//! assert_eq!(delivered.len(), 2); // the publisher's own node delivers as well
//! assert!(delivered.iter().all(|(_, bytes)| *bytes == payload));
//! ```
//!
//! # Where to look
//!
//! `node/rpc.rs` is the table of contents of a received frame. `mesh`, `gossip`, `shards` and `direct` are the
//! features; they never call each other. `links` holds what waits for each peer and what it may still ask for. `rpc`
//! is the codec. Rules that hold between any two inputs are listed in [`Rule`].
#![no_std]

extern crate alloc;

mod action;
mod config;
mod ctx;
mod direct;
mod error;
mod event;
mod gossip;
mod hash;
mod ids;
mod invariants;
mod keys;
mod links;
mod mesh;
mod misdeed;
mod node;
pub mod recording;
pub mod rpc;
mod score;
mod seed;
mod seen;
mod select;
mod shards;
mod time;
mod trace;

pub use action::{Action, Actions, CloseReason, Hint, MessageRef, SendClass, Tally};
pub use config::{
    CodedSettings, ColocationSettings, Config, ConfigError, Decay, Dedup, FirstDeliverySettings,
    GossipSettings, Integrity, MeshDeliverySettings, MeshSettings, MeshTimeSettings, MessageIds, Mode,
    Multiplier, OutboxSettings, PenaltySettings, PublisherSettings, ReputationSettings, Schedule,
    ScoreSettings, ScoreThresholds, Settings, ShardFactor, Signatures, Threshold, ThresholdRule, TopicFilter,
    TopicScoreSettings, Validation,
};
pub use error::{LeaveError, PublishError, SubscribeError};
pub use event::{Agent, DownCause, Event, Origin, Protocol, Verdict};
pub use hash::{Fold, TraceHash};
pub use ids::{CodingId, ContentId, LinkId, MessageId, PeerId, Topic};
pub use invariants::{Broken, Rule};
pub use keys::{HashKeys, Keys};
pub use misdeed::Misdeed;
pub use node::{Deadline, Held, Node, NodeSnapshot, PeerState, Timer, TopicState};
pub use score::{PeerScore, Reputation, Score, ScoreParts};
pub use seed::Seed;
pub use time::Time;
pub use trace::{RejectReason, RpcMeta, ShardTrace, Trace};
