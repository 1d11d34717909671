//! Which message and which neighbour are next, now that a link can take something.

use alloc::vec::Vec;

use smallvec::SmallVec;

use super::Shards;
use super::generation::{Age, Generation};
use super::terms::Terms;
use crate::ctx::Ctx;
use crate::links::Links;
use crate::mesh::Mesh;
use crate::rpc::{Coded, Rpc};
use crate::{CodingId, Config, LinkId, Time};

/// A shard that can be made now for a link with room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) link: LinkId,
    message: CodingId,
    terms: Terms,
}

/// How a link orders messages: own first, then the one nearest to completion at the neighbour, then the oldest.
type Urgency = (bool, u16, Age);

/// Messages that are compared for one shard. Beyond them the order is the agenda's, so that a long backlog does not
/// make each shard dearer.
const COMPARED_MAX: usize = 32;

impl Shards {
    /// The next shard to make; `None` when no link with room can use one.
    ///
    /// Each link takes its most urgent message; between links, fewest sent first, then fewest received (published
    /// simulations: better than the sum).
    pub(crate) fn next(&mut self, cx: &Ctx<'_>, mesh: &Mesh) -> Option<Ready> {
        let takes = |link: &LinkId| cx.links.has_room(*link) && cx.links.is_coded(*link);
        let links: SmallVec<[LinkId; 16]> = self.live.scheduled().filter(takes).collect();
        let ready = links.into_iter().filter_map(|link| self.next_on(cx, mesh, link));
        ready.min_by_key(|(exchanged, ready)| (*exchanged, ready.link)).map(|(_, ready)| ready)
    }

    /// The most urgent message for one link, with what was sent and received of it.
    fn next_on(&mut self, cx: &Ctx<'_>, mesh: &Mesh, link: LinkId) -> Option<((u16, u16), Ready)> {
        let (mut idle, mut compared) = (Vec::new(), 0);
        let mut best: Option<(Urgency, CodingId, Terms, (u16, u16))> = None;
        for (entry, generation) in self.live.agenda(link) {
            let terms = self.terms(cx.config, cx.now, (mesh, cx.links), generation, link);
            let Some(exchange) = generation.exchanges.get(&link).filter(|_| generation.can_send(link, terms))
            else {
                idle.push(entry);
                continue;
            };
            let missing = generation.k().saturating_sub(exchange.estimate());
            let urgency = (!generation.own, missing, generation.age);
            if best.as_ref().is_none_or(|held| urgency < held.0) {
                best = Some((urgency, generation.header.id(), terms, (exchange.sent, exchange.received)));
            }
            compared += 1;
            if compared == COMPARED_MAX {
                break;
            }
        }
        self.live.tidy(link, &idle);
        best.map(|(_, message, terms, exchanged)| (exchanged, Ready { link, message, terms }))
    }

    /// Makes that shard: a frame with the message's header in front if the neighbour does not have it.
    pub(crate) fn make(&mut self, cx: &mut Ctx<'_>, ready: Ready) -> Option<Rpc> {
        let generation = self.live.get_mut(&ready.message)?;
        let shard = generation.send(ready.link, ready.terms, &mut cx.rng.coding, &mut self.pool)?;
        let header = generation.header.clone();
        let exchange = generation.exchanges.get_mut(&ready.link)?;
        let mut coded = Coded::default();
        if !exchange.header_sent && !exchange.known {
            coded.headers.push(header);
            exchange.header_sent = true;
        }
        coded.shards.push(shard);
        self.live.on_sent(&ready.message);
        Some(Rpc { coded, ..Rpc::default() })
    }

    /// How this node may send a message to a neighbour now.
    pub(super) fn terms(
        &self,
        config: &Config,
        now: Time,
        (mesh, links): (&Mesh, &Links),
        generation: &Generation,
        link: LinkId,
    ) -> Terms {
        let config = &config.coded;
        Terms {
            trust: self.distrust.trust(config, now, &generation.header.topic),
            threshold: config.threshold.rank(generation.k(), config.threshold_rule),
            eager: mesh.receives(links, &generation.header.topic, link),
        }
    }
}
