//! Who brought a message soon after the first: only for topics where members must deliver (P3).
//!
//! Spec: gossipsub v1.1 "Peer Scoring", P3 "Mesh Message Deliveries", *MeshMessageDeliveriesWindow*.

use alloc::collections::BTreeMap;

use smallvec::SmallVec;

use crate::{MessageId, PeerId, Time};

/// Messages whose copies still count; those beyond it do not count for anybody.
const RECENT_MAX: usize = 16_384;

#[derive(Clone, Hash, Default, Debug)]
pub(super) struct Deliveries(BTreeMap<MessageId, Recent>);

#[derive(Clone, Hash, Debug)]
struct Recent {
    until: Time,
    credited: SmallVec<[PeerId; 2]>,
}

impl Deliveries {
    /// A message was accepted; copies count until then.
    pub(super) fn insert(&mut self, id: &MessageId, until: Time, by: impl Iterator<Item = PeerId>) {
        if self.0.len() < RECENT_MAX {
            self.0.insert(id.clone(), Recent { until, credited: by.collect() });
        }
    }

    /// A copy came: whether it counts, which it does once for each peer.
    pub(super) fn credit(&mut self, id: &MessageId, peer: PeerId, now: Time) -> bool {
        let Some(recent) = self.0.get_mut(id).filter(|recent| now <= recent.until) else { return false };
        let fresh = !recent.credited.contains(&peer);
        if fresh {
            recent.credited.push(peer);
        }
        fresh
    }

    pub(super) fn expire(&mut self, now: Time) {
        self.0.retain(|_, recent| recent.until >= now);
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= RECENT_MAX
    }
}
