//! Trace events as protobuf, in the two forms that clients read. Source: compat 3.
//!
//! The forms differ in three places only: shards, the sizes of RPCs, and the field numbers inside `RPCMeta`.
//! What is common is written once, in a macro, over either form's generated types.

use braidcast_runtime_tokio::{
    ContentId, MessageId, PeerId, RejectReason, RpcMeta as Meta, Topic, Trace, TraceRecord,
};
use bytes::Bytes;

use crate::pb::{optimum, pubsub};

/// The event of a coding node; `None` for what has no such form.
pub(crate) fn optimum(me: &PeerId, record: &TraceRecord) -> Option<optimum::TraceEvent> {
    with_optimum::event(me, record)
}

/// The event of a plain node; `None` for what has no such form.
pub(crate) fn pubsub(me: &PeerId, record: &TraceRecord) -> Option<pubsub::TraceEvent> {
    with_pubsub::event(me, record)
}

macro_rules! common_form {
    ($pb:ident) => {
        use super::*;
        use $pb::TraceEvent;
        use $pb::trace_event::*;

        /// `type` is always set: the format has no default for it.
        pub(super) fn event(me: &PeerId, record: &TraceRecord) -> Option<TraceEvent> {
            let (kind, mut event) = body(&record.trace)?;
            event.r#type = Some(kind.into());
            event.peer_id = peer(me);
            event.timestamp = Some(record.unix_ns);
            Some(event)
        }

        fn body(trace: &Trace) -> Option<(Type, TraceEvent)> {
            let mut event = TraceEvent::default();
            let kind = match trace {
                Trace::PublishMessage { content, topic } => {
                    event.publish_message =
                        Some(PublishMessage { message_id: hex(*content), topic: name(topic) });
                    Type::PublishMessage
                }
                Trace::DeliverMessage { content, topic, from } => {
                    event.deliver_message = Some(DeliverMessage {
                        message_id: hex(*content),
                        topic: name(topic),
                        received_from: peer(from),
                    });
                    Type::DeliverMessage
                }
                Trace::DuplicateMessage { content, from, topic } => {
                    event.duplicate_message = Some(DuplicateMessage {
                        message_id: hex(*content),
                        received_from: peer(from),
                        topic: name(topic),
                    });
                    Type::DuplicateMessage
                }
                Trace::RejectMessage { message, from, topic, reason } => {
                    event.reject_message = Some(RejectMessage {
                        message_id: Some(raw(message)),
                        received_from: peer(from),
                        reason: Some(reason_text(*reason).to_owned()),
                        topic: name(topic),
                    });
                    Type::RejectMessage
                }
                Trace::RecvRpc { from, meta } => {
                    event.recv_rpc = Some(recv(from, meta));
                    Type::RecvRpc
                }
                Trace::SendRpc { to, meta } => {
                    event.send_rpc = Some(send(to, meta));
                    Type::SendRpc
                }
                Trace::DropRpc { to, meta } => {
                    event.drop_rpc = Some(DropRpc { send_to: peer(to), meta: Some(rpc_meta(meta)) });
                    Type::DropRpc
                }
                Trace::NewShard(_)
                | Trace::DuplicateShard(_)
                | Trace::UnhelpfulShard(_)
                | Trace::UnnecessaryShard(_) => return shard(trace),
                // Ours alone: no known client would know what they are.
                Trace::PollutedMessage { .. } | Trace::ExpiredMessage { .. } | Trace::Misbehaved { .. } => {
                    return None
                }
                Trace::AddPeer { .. }
                | Trace::RemovePeer { .. }
                | Trace::Join { .. }
                | Trace::Leave { .. }
                | Trace::Graft { .. }
                | Trace::Prune { .. } => membership(trace, &mut event)?,
            };
            Some((kind, event))
        }

        fn membership(trace: &Trace, event: &mut TraceEvent) -> Option<Type> {
            if let Trace::AddPeer { peer: who, protocol } = trace {
                let proto = Some(protocol.id().to_owned());
                event.add_peer = Some(AddPeer { peer_id: peer(who), proto });
                Some(Type::AddPeer)
            } else if let Trace::RemovePeer { peer: who } = trace {
                event.remove_peer = Some(RemovePeer { peer_id: peer(who) });
                Some(Type::RemovePeer)
            } else if let Trace::Join { topic } = trace {
                event.join = Some(Join { topic: name(topic) });
                Some(Type::Join)
            } else if let Trace::Leave { topic } = trace {
                event.leave = Some(Leave { topic: name(topic) });
                Some(Type::Leave)
            } else if let Trace::Graft { peer: who, topic } = trace {
                event.graft = Some(Graft { peer_id: peer(who), topic: name(topic) });
                Some(Type::Graft)
            } else if let Trace::Prune { peer: who, topic } = trace {
                event.prune = Some(Prune { peer_id: peer(who), topic: name(topic) });
                Some(Type::Prune)
            } else {
                None
            }
        }

        fn messages(meta: &Meta) -> Vec<MessageMeta> {
            let entry = |(content, topic): &(ContentId, Topic)| MessageMeta {
                message_id: hex(*content),
                topic: name(topic),
            };
            meta.messages.iter().map(entry).collect()
        }

        fn subscriptions(meta: &Meta) -> Vec<SubMeta> {
            let entry =
                |(joined, topic): &(bool, Topic)| SubMeta { subscribe: Some(*joined), topic: name(topic) };
            meta.subscriptions.iter().map(entry).collect()
        }

        /// `None` when there is nothing in it, as the field is then absent.
        fn control(meta: &Meta) -> Option<ControlMeta> {
            let control = ControlMeta {
                ihave: meta
                    .ihave
                    .iter()
                    .map(|(topic, ids)| ControlIHaveMeta { topic: name(topic), message_i_ds: raws(ids) })
                    .collect(),
                iwant: meta.iwant.iter().map(|ids| ControlIWantMeta { message_i_ds: raws(ids) }).collect(),
                graft: meta.graft.iter().map(|topic| ControlGraftMeta { topic: name(topic) }).collect(),
                prune: meta
                    .prune
                    .iter()
                    .map(|topic| ControlPruneMeta { topic: name(topic), peers: Vec::new() })
                    .collect(),
                idontwant: meta
                    .idontwant
                    .iter()
                    .map(|ids| ControlIDontWantMeta { message_i_ds: raws(ids) })
                    .collect(),
            };
            (control != ControlMeta::default()).then_some(control)
        }
    };
}

mod with_optimum {
    use braidcast_runtime_tokio::ShardTrace;

    common_form!(optimum);

    fn recv(from: &PeerId, meta: &Meta) -> RecvRpc {
        RecvRpc { received_from: peer(from), meta: Some(rpc_meta(meta)), length: Some(meta.bytes as u64) }
    }

    fn send(to: &PeerId, meta: &Meta) -> SendRpc {
        SendRpc { send_to: peer(to), meta: Some(rpc_meta(meta)), length: Some(meta.bytes as u64) }
    }

    fn rpc_meta(meta: &Meta) -> RpcMeta {
        RpcMeta {
            messages: messages(meta),
            shards: meta.shards.iter().map(|content| ShardMeta { message_id: hex(*content) }).collect(),
            subscription: subscriptions(meta),
            control: control(meta),
        }
    }

    fn shard(trace: &Trace) -> Option<(Type, TraceEvent)> {
        let mut event = TraceEvent::default();
        let kind = if let Trace::NewShard(shard) = trace {
            event.new_shard = container(shard);
            Type::NewShard
        } else if let Trace::DuplicateShard(shard) = trace {
            event.duplicate_shard = container(shard);
            Type::DuplicateShard
        } else if let Trace::UnhelpfulShard(shard) = trace {
            event.unhelpful_shard = container(shard);
            Type::UnhelpfulShard
        } else if let Trace::UnnecessaryShard(shard) = trace {
            event.unnecessary_shard = container(shard);
            Type::UnnecessaryShard
        } else {
            return None;
        };
        Some((kind, event))
    }

    fn container(shard: &ShardTrace) -> Option<ShardContainer> {
        Some(ShardContainer {
            message_id: hex(shard.content),
            received_from: peer(&shard.from),
            coefficients: Some(shard.coefficients.clone()),
        })
    }
}

mod with_pubsub {
    common_form!(pubsub);

    fn recv(from: &PeerId, meta: &Meta) -> RecvRpc {
        RecvRpc { received_from: peer(from), meta: Some(rpc_meta(meta)) }
    }

    fn send(to: &PeerId, meta: &Meta) -> SendRpc {
        SendRpc { send_to: peer(to), meta: Some(rpc_meta(meta)) }
    }

    fn rpc_meta(meta: &Meta) -> RpcMeta {
        RpcMeta { messages: messages(meta), subscription: subscriptions(meta), control: control(meta) }
    }

    /// A plain node knows no shards.
    fn shard(_: &Trace) -> Option<(Type, TraceEvent)> {
        None
    }
}

fn peer(peer: &PeerId) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(peer.as_bytes()))
}

fn name(topic: &Topic) -> Option<String> {
    Some(topic.as_str().to_owned())
}

/// Message ids are 64 ASCII digits, not 32 bytes.
fn hex(content: ContentId) -> Option<Bytes> {
    Some(content.to_hex().into())
}

fn raw(id: &MessageId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn raws(ids: &[MessageId]) -> Vec<Bytes> {
    ids.iter().map(raw).collect()
}

/// The words of the GossipSub tracer, where it has one.
fn reason_text(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::InvalidSignature => "invalid signature",
        RejectReason::SignaturePolicy => "invalid signature policy",
        RejectReason::InvalidShard => "invalid shard",
        RejectReason::ValidationQueueFull => "validation queue full",
        RejectReason::PublisherLimit => "validation throttled",
        RejectReason::Validation => "validation failed",
        RejectReason::ValidationIgnored => "validation ignored",
    }
}

#[cfg(test)]
mod tests;
