//! Which message and which neighbour are next, now that a link can take something.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::Shards;
use super::generation::{Generation, Terms};
use crate::ctx::Ctx;
use crate::mesh::Mesh;
use crate::rpc::{Coded, Rpc};
use crate::{CodingId, LinkId};

/// A shard that can be made now for a link with room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) link: LinkId,
    message: CodingId,
    terms: Terms,
}

/// How a link orders messages: own first, then the one nearest to completion at the neighbour.
type Urgency = (Reverse<bool>, u16, CodingId);

impl Shards {
    /// The next shard to make; `None` when no link with room can use one.
    ///
    /// Each link takes its most urgent message; between links, fewest sent first, then fewest received (published
    /// simulations: better than the sum).
    pub(crate) fn next(&mut self, cx: &Ctx<'_>, mesh: &Mesh) -> Option<Ready> {
        let mut best: BTreeMap<LinkId, (Urgency, Ready, (u16, u16))> = BTreeMap::new();
        let mut idle = Vec::new();
        for id in &self.open {
            let Some(generation) = self.live.get(id) else { continue };
            let mut anything = false;
            for (link, exchange) in &generation.exchanges {
                let terms = self.terms(cx, mesh, generation, *link);
                if !generation.can_send(*link, terms) {
                    continue;
                }
                anything = true;
                if !cx.links.has_room(*link) {
                    continue;
                }
                let missing = generation.k().saturating_sub(exchange.estimate());
                let urgency = (Reverse(generation.own), missing, *id);
                let ready = Ready { link: *link, message: *id, terms };
                let entry = (urgency, ready, (exchange.sent, exchange.received));
                best.entry(*link)
                    .and_modify(|held| {
                        if urgency < held.0 {
                            *held = entry;
                        }
                    })
                    .or_insert(entry);
            }
            if !anything {
                idle.push(*id);
            }
        }
        idle.iter().for_each(|id| {
            self.open.remove(id);
        });
        best.into_values()
            .min_by_key(|(_, ready, exchanged)| (*exchanged, ready.link))
            .map(|(_, ready, _)| ready)
    }

    /// Makes that shard: a frame with the message's header in front if the neighbour does not have it.
    pub(crate) fn make(&mut self, cx: &mut Ctx<'_>, ready: Ready) -> Option<Rpc> {
        let generation = self.live.get_mut(&ready.message)?;
        let shard = generation.send(ready.link, ready.terms, &mut cx.rng.coding)?;
        let header = generation.header.clone();
        let exchange = generation.exchanges.get_mut(&ready.link)?;
        let mut coded = Coded::default();
        if !exchange.header_sent && !exchange.known {
            coded.headers.push(header);
            exchange.header_sent = true;
        }
        coded.shards.push(shard);
        Some(Rpc { coded, ..Rpc::default() })
    }

    fn terms(&self, cx: &Ctx<'_>, mesh: &Mesh, generation: &Generation, link: LinkId) -> Terms {
        let config = &cx.config.coded;
        Terms {
            trust: self.distrust.trust(config, cx.now, &generation.header.topic),
            threshold: config.threshold.rank(generation.k(), config.threshold_rule),
            in_mesh: mesh.contains(&generation.header.topic, link),
        }
    }
}
