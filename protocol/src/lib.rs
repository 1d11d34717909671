//! Braidcast's pure publish/subscribe state machine: events in, actions out.
#![no_std]

extern crate alloc;

mod action;
mod config;
mod error;
mod event;
mod hash;
mod ids;
mod keys;
pub mod rpc;
mod seed;
mod time;
mod trace;

pub use action::{Action, Actions, CloseReason, MessageRef, SendClass};
pub use config::{
    CodedSettings, Config, ConfigError, Dedup, GossipSettings, Integrity, MeshSettings, Mode, Multiplier,
    Settings, ShardFactor, Threshold, ThresholdRule, Validation,
};
pub use error::{LeaveError, PublishError, SubscribeError};
pub use event::{Agent, DownCause, Event, Origin, Protocol, Verdict};
pub use hash::{Fold, TraceHash};
pub use ids::{CodingId, ContentId, LinkId, MessageId, PeerId, Topic};
pub use keys::{HashKeys, Keys};
pub use seed::Seed;
pub use time::Time;
pub use trace::{RejectReason, RpcMeta, ShardTrace, Trace};
