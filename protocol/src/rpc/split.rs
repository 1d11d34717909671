//! Control that is too long for one frame.

use super::wire::Encode;
use super::{Coded, Control, IHave, Rpc};
use crate::MessageId;

/// More than the keys and lengths around one entry take.
const ENTRY_BYTES: usize = 24;

/// Frames being filled, one after another.
struct Frames {
    full: alloc::vec::Vec<Rpc>,
    open: Rpc,
    bytes: usize,
    bytes_max: usize,
}

impl Frames {
    /// Where an entry of this size goes.
    fn entry(&mut self, bytes: usize) -> &mut Rpc {
        let bytes = bytes + ENTRY_BYTES;
        if self.bytes + bytes > self.bytes_max && self.bytes > 0 {
            self.next();
        }
        self.bytes += bytes;
        &mut self.open
    }

    fn next(&mut self) {
        self.full.push(core::mem::take(&mut self.open));
        self.bytes = 0;
    }

    fn ids(&mut self, ids: alloc::vec::Vec<MessageId>, put: fn(&mut Control, MessageId)) {
        for id in ids {
            put(&mut self.entry(id.as_bytes().len()).control, id);
        }
    }

    fn ihave(&mut self, ihave: IHave) {
        let IHave { topic, ids } = ihave;
        for id in ids {
            // Each id brings its topic along, should it be the first of a frame.
            let control = &mut self.entry(topic.as_str().len() + id.as_bytes().len()).control;
            match control.ihave.last_mut().filter(|last| last.topic == topic) {
                Some(last) => last.ids.push(id),
                None => control.ihave.push(IHave { topic: topic.clone(), ids: alloc::vec![id] }),
            }
        }
    }

    fn coded(&mut self, coded: Coded) {
        for have in coded.haves {
            self.entry(64).coded.haves.push(have);
        }
        for want in coded.wants {
            self.entry(64 + want.indices.len()).coded.wants.push(want);
        }
    }
}

/// Spreads control over as many frames as it needs, each at most about `bytes_max` long. Bodies are not split:
/// frames with messages, headers, hashes or shards stay as they are.
pub(super) fn split(rpc: Rpc, bytes_max: usize) -> alloc::vec::Vec<Rpc> {
    let bodies = !(rpc.publish.is_empty()
        && rpc.coded.headers.is_empty()
        && rpc.coded.lists.is_empty()
        && rpc.coded.shards.is_empty());
    let few = rpc.subscriptions.len() <= Rpc::SUBSCRIPTIONS_MAX
        && rpc.control.idontwant.len() <= Rpc::IDONTWANT_IDS_MAX;
    if bodies || (few && rpc.encoded_len() <= bytes_max) {
        return alloc::vec![rpc];
    }
    let Rpc { subscriptions, publish: _, control, coded } = rpc;
    let mut frames = Frames { full: alloc::vec::Vec::new(), open: Rpc::default(), bytes: 0, bytes_max };
    // Extensions belong into a link's first frame.
    frames.open.control.extensions = control.extensions;
    for change in subscriptions {
        if frames.open.subscriptions.len() == Rpc::SUBSCRIPTIONS_MAX {
            frames.next();
        }
        frames.entry(change.topic.as_str().len()).subscriptions.push(change);
    }
    for topic in control.graft {
        frames.entry(topic.as_str().len()).control.graft.push(topic);
    }
    for prune in control.prune {
        frames.entry(prune.encoded_len()).control.prune.push(prune);
    }
    control.ihave.into_iter().for_each(|ihave| frames.ihave(ihave));
    frames.ids(control.iwant, |control, id| control.iwant.push(id));
    for ids in control.idontwant.chunks(Rpc::IDONTWANT_IDS_MAX) {
        if !frames.open.control.idontwant.is_empty() {
            frames.next();
        }
        frames.ids(ids.to_vec(), |control, id| control.idontwant.push(id));
    }
    frames.coded(coded);
    frames.full.push(frames.open);
    frames.full
}
