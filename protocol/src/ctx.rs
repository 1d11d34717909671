//! What every feature needs while it works on one input.

use crate::links::Links;
use crate::score::Scores;
use crate::seed::Streams;
use crate::{
    Actions, Config, ContentId, Dedup, Keys, LinkId, MessageId, MessageIds, Misdeed, PeerId, Score, Time,
    Topic, Trace,
};
use smallvec::SmallVec;

/// The world as a feature sees it. Features never call each other.
pub(crate) struct Ctx<'a> {
    pub(crate) now: Time,
    pub(crate) config: &'a Config,
    pub(crate) me: PeerId,
    pub(crate) keys: &'a dyn Keys,
    pub(crate) rng: &'a mut Streams,
    pub(crate) links: &'a mut Links,
    pub(crate) scores: &'a mut Scores,
    pub(crate) out: &'a mut Actions,
}

impl Ctx<'_> {
    /// Records a trace event about the peer at the other end of a link.
    pub(crate) fn trace_peer(&mut self, link: LinkId, make: impl FnOnce(PeerId) -> Trace) {
        if let Some(peer) = self.links.peer(link) {
            self.out.trace(|| make(peer));
        }
    }

    /// Counts what a peer did against the rules, about one topic if it was.
    pub(crate) fn misbehaved(&mut self, link: LinkId, misdeed: Misdeed, topic: Option<&Topic>) {
        self.trace_peer(link, |peer| Trace::Misbehaved { peer, misdeed, topic: topic.cloned() });
        if let Some(peer) = self.links.peer(link) {
            self.scores.misbehaved(self.config, self.now, &peer, misdeed, topic);
        }
    }

    /// A peer was proved to lie. It is graylisted for a while, whether peers are scored or not.
    pub(crate) fn convicted(&mut self, link: LinkId) {
        if let Some(peer) = self.links.peer(link) {
            self.scores.convict(self.now + self.config.coded.distrust, peer);
        }
    }

    /// The score of the peer at the other end; zero when scoring is off, unless it was convicted.
    pub(crate) fn score(&self, link: LinkId) -> Score {
        self.links.peer(link).map_or(Score::ZERO, |peer| self.scores.score(self.config, &peer))
    }

    /// Whether gossip is exchanged with the peer (gossipsub v1.1 "Score Thresholds").
    pub(crate) fn gossips_with(&self, link: LinkId) -> bool {
        self.score(link) >= self.config.score.thresholds.gossip
    }

    /// A message was accepted; what each link brought of it, in millionths.
    pub(crate) fn accepted(&mut self, id: &MessageId, topic: &Topic, credits: &[(LinkId, u64)]) {
        let peer = |(link, share): &(LinkId, u64)| self.links.peer(*link).map(|peer| (peer, *share));
        let credits: SmallVec<[(PeerId, u64); 4]> = credits.iter().filter_map(peer).collect();
        self.scores.on_accepted(self.config, self.now, (id, topic), &credits);
    }

    /// A message that is known came again.
    pub(crate) fn duplicate(&mut self, link: LinkId, id: &MessageId, topic: &Topic) {
        if let Some(peer) = self.links.peer(link) {
            self.scores.on_duplicate(self.config, self.now, (id, topic), peer);
        }
    }

    /// A GRAFT came from a member, or made it one. Two may cross, but one peer needs no second for one membership.
    ///
    /// Deviation: the specification lets members repeat it for nothing.
    pub(crate) fn grafted(&mut self, link: LinkId, topic: &Topic) {
        let first = self.links.peer(link).is_none_or(|peer| self.scores.on_graft(self.config, &peer, topic));
        if !first {
            self.misbehaved(link, Misdeed::ControlFlood, Some(topic));
        }
    }

    /// A message for the peer was dropped because the peer does not read.
    pub(crate) fn unread(&mut self, link: LinkId) {
        if let Some(peer) = self.links.peer(link) {
            self.scores.on_slow(self.config, self.now, &peer);
        }
    }

    /// The content of a message that came whole, if anything here goes by it: a long one's SHA-256 is a tenth of what
    /// the message costs in all.
    pub(crate) fn content(&self, id: &MessageId, data: &[u8]) -> Option<ContentId> {
        let named = (self.config.message_ids == MessageIds::Content).then_some(id.as_bytes());
        let known = named.and_then(|digest| digest.try_into().ok()).map(ContentId::from_bytes);
        let asked = self.config.dedup == Dedup::Content || self.out.tracing();
        known.or_else(|| asked.then(|| ContentId::of(data)))
    }

    /// Takes a link into the mesh of a topic: our GRAFT goes out.
    pub(crate) fn send_graft(&mut self, link: LinkId, topic: &Topic) {
        if let Some(rpc) = self.links.control(link) {
            rpc.control.graft.push(topic.clone());
        }
    }
}
