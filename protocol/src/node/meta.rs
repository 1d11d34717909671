//! What a frame holds, by name, for the traces.

use alloc::vec;

use super::Node;
use crate::gossip::Gossip;
use crate::rpc::Rpc;
use crate::shards::Shards;
use crate::{Config, ContentId, RpcMeta};

impl Node {
    pub(super) fn meta(&self, rpc: &Rpc) -> RpcMeta {
        meta(&self.config, &self.gossip, &self.shards, rpc)
    }
}

pub(super) fn meta(config: &Config, gossip: &Gossip, shards: &Shards, rpc: &Rpc) -> RpcMeta {
    // A shard in the same frame as its header is not known to the feature yet.
    let announced =
        |id| rpc.coded.headers.iter().find(|header| header.id() == id).map(|header| header.content);
    RpcMeta {
        bytes: rpc.encoded_len(),
        messages: rpc
            .publish
            .iter()
            .map(|message| {
                let known = gossip.content_of(&message.id(config.message_ids));
                let content = known.unwrap_or_else(|| ContentId::of(&message.data));
                (content, message.topic.clone())
            })
            .collect(),
        shards: rpc
            .coded
            .shards
            .iter()
            .filter_map(|shard| shards.content_of(&shard.message).or_else(|| announced(shard.message)))
            .collect(),
        subscriptions: rpc
            .subscriptions
            .iter()
            .map(|change| (change.subscribe, change.topic.clone()))
            .collect(),
        ihave: rpc.control.ihave.iter().map(|ihave| (ihave.topic.clone(), ihave.ids.clone())).collect(),
        iwant: if rpc.control.iwant.is_empty() { vec![] } else { vec![rpc.control.iwant.clone()] },
        graft: rpc.control.graft.clone(),
        prune: rpc.control.prune.iter().map(|prune| prune.topic.clone()).collect(),
        idontwant: if rpc.control.idontwant.is_empty() {
            vec![]
        } else {
            vec![rpc.control.idontwant.clone()]
        },
    }
}
