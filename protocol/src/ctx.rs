//! What every feature needs while it works on one input.

use crate::links::Links;
use crate::seed::Streams;
use crate::{Actions, Config, Keys, LinkId, Misdeed, PeerId, Score, Time, Topic, Trace};

/// The world as a feature sees it. Features never call each other.
pub(crate) struct Ctx<'a> {
    pub(crate) now: Time,
    pub(crate) config: &'a Config,
    pub(crate) me: PeerId,
    pub(crate) keys: &'a dyn Keys,
    pub(crate) rng: &'a mut Streams,
    pub(crate) links: &'a mut Links,
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
    }

    /// The score of the peer at the other end.
    pub(crate) fn score(&self, _link: LinkId) -> Score {
        Score::ZERO
    }

    /// Takes a link into the mesh of a topic: our GRAFT goes out.
    pub(crate) fn send_graft(&mut self, link: LinkId, topic: &Topic) {
        if let Some(rpc) = self.links.control(link) {
            rpc.control.graft.push(topic.clone());
        }
    }
}
