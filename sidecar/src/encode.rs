//! From what the node tells to what clients read.

use braidcast_runtime_tokio::{Mode, PeerId, TraceRecord};
use bytes::Bytes;
use prost::Message as _;

use crate::message::{self, JsonStyle};
use crate::outbox::Item;
use crate::pb::proto::{Response, ResponseType};
use crate::trace;

/// How one node's responses are written.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    me: PeerId,
    mode: Mode,
    json: JsonStyle,
}

impl Encoder {
    pub(crate) fn new(me: PeerId, mode: Mode, json: JsonStyle) -> Self {
        Self { me, mode, json }
    }

    /// `None` for trace events that have no form in this mode.
    pub(crate) fn response(&self, item: Item) -> Option<Response> {
        let (command, data) = match item {
            Item::Message(message) => (ResponseType::Message, message::encode(&message, self.json)),
            Item::Trace(record) => self.trace(&record)?,
            Item::Answer(json) => (ResponseType::Unknown, json),
        };
        Some(Response { command: command.into(), data, metadata: Bytes::new() })
    }

    fn trace(&self, record: &TraceRecord) -> Option<(ResponseType, Bytes)> {
        match self.mode {
            Mode::Optimum => {
                let event = trace::optimum(&self.me, record)?;
                Some((ResponseType::MessageTraceMumP2p, event.encode_to_vec().into()))
            }
            Mode::Gossipsub => {
                let event = trace::pubsub(&self.me, record)?;
                Some((ResponseType::MessageTraceGossipSub, event.encode_to_vec().into()))
            }
        }
    }
}

/// The mode's name on the wire.
pub(crate) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Optimum => "optimum",
        Mode::Gossipsub => "gossipsub",
    }
}
