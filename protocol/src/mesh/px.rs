//! Peer exchange: a PRUNE names others in the topic, so that the pruned peer can find itself another mesh.
//!
//! Spec: gossipsub v1.1 "PRUNE Backoff and Peer Exchange", "Score Thresholds".

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Mesh;
use crate::ctx::Ctx;
use crate::rpc::{PeerInfo, Prune};
use crate::{Action, Hint, LinkId, PeerId, Topic, select};

impl Mesh {
    /// Whom we name to a pruned peer: subscribers of the topic that we think no ill of, by lot.
    pub(super) fn peers_for(cx: &mut Ctx<'_>, pruned: LinkId, topic: &Topic) -> Vec<PeerInfo> {
        if !cx.config.mesh.peer_exchange {
            return Vec::new();
        }
        let others = cx.links.subscribers(topic).filter(|(link, _)| *link != pruned);
        let good = others.filter(|(link, held)| held.meshes() && !cx.score(*link).is_negative());
        let good = good.map(|(_, held)| PeerInfo { peer: held.peer, record: held.record.clone() }).collect();
        let mut named = select::sample(&mut cx.rng.mesh, good, cx.config.mesh.exchange_peers);
        let mut bytes = 0;
        named.retain(|info| {
            bytes += info.peer.as_bytes().len() + info.record.as_ref().map_or(0, |record| record.len());
            bytes <= NAMED_BYTES_MAX
        });
        named
    }

    /// Dials whom a trusted peer named, as far as this heartbeat allows.
    pub(super) fn on_peers(&mut self, cx: &mut Ctx<'_>, link: LinkId, prune: &Prune) {
        let max = cx.config.mesh.exchange_peers;
        if prune.peers.is_empty() || cx.score(link) < cx.config.score.thresholds.accept_px {
            return;
        }
        for PeerInfo { peer, record } in select::sample(&mut cx.rng.mesh, prune.peers.clone(), max) {
            if peer == cx.me || cx.links.is_linked(&peer) || self.dialled.len() >= max {
                continue;
            }
            if self.dialled.insert(peer) {
                let hint = record.map(|record| Hint { record, via: link });
                cx.out.push(Action::Dial { peer, hint });
            }
        }
    }
}

/// Peers dialled since the last heartbeat because a PRUNE named them.
pub(super) type Dialled = BTreeSet<PeerId>;

/// Ids and records in one PRUNE, so that it fits into the 16 KB of control that rust-libp2p takes in a frame.
const NAMED_BYTES_MAX: usize = 8_000;
