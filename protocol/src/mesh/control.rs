//! What peers ask of a mesh: subscriptions, GRAFT, PRUNE.

use alloc::vec::Vec;
use core::time::Duration;

use super::{GraftOutcome, Mesh};
use crate::ctx::Ctx;
use crate::rpc::{PeerInfo, Prune};
use crate::{LinkId, Misdeed, Origin, Protocol, Topic};

impl Mesh {
    /// A peer joined or left a topic. Gives the link if it is to be told what it may have missed.
    ///
    /// Deviation: below *D_lo* the newcomer is grafted at once instead of at the next heartbeat, so that a fresh
    /// network does not lose its first messages. A member that leaves stays out for the backoff that its own PRUNE
    /// would ask for, so that one who comes and goes is not grafted each time.
    pub(crate) fn on_subscription(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        topic: &Topic,
        subscribed: bool,
    ) -> Option<LinkId> {
        if !subscribed {
            if let Some(peer) = cx.links.peer(link).filter(|_| self.contains(topic, link)) {
                self.backoffs.begin(cx.now, cx.config.mesh.unsubscribe_backoff, topic, peer);
            }
            self.remove(cx, link, topic);
            self.leave_fanout(link, topic);
            return None;
        }
        if cx.links.get(link).is_some_and(|link| link.direct) {
            return Some(link);
        }
        let wanted = self.topics.get(topic).is_some_and(|members| members.len() < cx.config.mesh.min);
        if !wanted || !self.eligible(cx, link, topic) {
            return None;
        }
        self.add(cx, link, topic);
        cx.send_graft(link, topic);
        Some(link)
    }

    pub(crate) fn on_graft(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) -> GraftOutcome {
        let Some(members) = self.topics.get(topic) else { return GraftOutcome::Ignored };
        if members.contains(&link) {
            return GraftOutcome::Member;
        }
        let full = members.len() >= cx.config.mesh.max;
        let Some(held) = cx.links.get(link) else { return GraftOutcome::Ignored };
        let (peer, direct, dialled) = (held.peer, held.direct, held.origin == Origin::Outbound);
        let subscribed = held.topics.contains(topic);
        let backoff = self.backoffs.running(cx.now, topic, &peer);
        if let Some(backoff) = backoff {
            cx.misbehaved(link, Misdeed::GraftInBackoff, Some(topic));
            if cx.now < backoff.since + cx.config.mesh.graft_flood {
                cx.misbehaved(link, Misdeed::GraftFlood, Some(topic));
            }
        }
        // v1.1 "Explicit Peering Agreements": a direct peer stays outside, with a PRUNE. "Prune backoff": a GRAFT
        // inside the backoff starts it anew. "Outbound Mesh Quotas": a full mesh takes only whom we dialled.
        let unwanted = direct || backoff.is_some() || cx.score(link).is_negative();
        if unwanted || (full && !dialled) {
            // Peers are named only to those for whom there is no room.
            let peers = if unwanted { Vec::new() } else { Self::peers_for(cx, link, topic) };
            self.send_prune(cx, link, topic, cx.config.mesh.prune_backoff, peers);
            return GraftOutcome::Refused;
        }
        if !subscribed {
            return GraftOutcome::Ignored;
        }
        self.add(cx, link, topic);
        GraftOutcome::Accepted
    }

    pub(crate) fn on_prune(&mut self, cx: &mut Ctx<'_>, link: LinkId, prune: &Prune) {
        let Some(peer) = cx.links.peer(link) else { return };
        if !self.is_joined(&prune.topic) {
            return;
        }
        self.remove(cx, link, &prune.topic);
        let asked = prune.backoff_s.map_or(cx.config.mesh.prune_backoff, Duration::from_secs);
        self.backoffs.begin(cx.now, asked.min(cx.config.mesh.backoff_max), &prune.topic, peer);
        self.on_peers(cx, link, prune);
    }

    /// Sends PRUNE and keeps the backoff ourselves too. Before v1.1 a PRUNE names its topic only.
    pub(super) fn send_prune(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        topic: &Topic,
        backoff: Duration,
        mut peers: Vec<PeerInfo>,
    ) {
        let Some((peer, protocol)) = cx.links.get(link).map(|link| (link.peer, link.agent.protocol)) else {
            return;
        };
        let backoff_s = (protocol >= Protocol::Meshsub11).then_some(backoff.as_secs().max(1));
        peers.retain(|_| backoff_s.is_some());
        if let Some(rpc) = cx.links.control(link) {
            rpc.control.prune.push(Prune { topic: topic.clone(), peers, backoff_s });
        }
        self.backoffs.begin(cx.now, backoff, topic, peer);
    }
}
