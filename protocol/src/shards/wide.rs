//! Messages that go over links outside the mesh, too: `docs/spec/coded-mode.md`, section 5, "To whom".

use alloc::vec::Vec;
use core::hash::Hasher;

use super::exchange::Exchange;
use super::{Generation, Shards};
use crate::config::CodedSettings;
use crate::ctx::Ctx;
use crate::links::Link;
use crate::rpc::Header;
use crate::{LinkId, PeerId, TraceHash};

/// Links that such a message goes over, those of the mesh among them; it has at least as many shards, so that each can
/// carry another.
pub(super) const WIDE_LINKS: usize = 16;

impl Generation {
    /// Exchanges with those who are sent the message unasked: `mesh` and, if it is to go wide, some others.
    pub(super) fn push_to(&mut self, cx: &Ctx<'_>, shards: &Shards, mesh: &[LinkId]) {
        let coded = mesh.iter().filter(|link| cx.links.is_coded(**link));
        self.exchanges.extend(coded.map(|link| (*link, Exchange::pushing())));
        self.wide = is_wide(&cx.config.coded, &self.header);
        if self.wide {
            let outside = shards.outside(cx, &self.header, mesh);
            self.exchanges.extend(outside.into_iter().map(|link| (link, Exchange::pushing_outside_mesh())));
        }
    }

    /// Who pushes a wide message to us, as its header shows, is pushed to as well.
    pub(super) fn push_back(&mut self, cx: &Ctx<'_>, link: LinkId) {
        let may = |held: &Link| self.wide && may_get(cx, &self.header, link, held);
        if cx.links.get(link).is_some_and(may)
            && let Some(exchange) = self.exchanges.get_mut(&link)
        {
            exchange.push_outside_mesh();
        }
    }
}

impl Shards {
    /// Those of the topic outside the mesh that a wide message is pushed to: others for each message.
    fn outside(&self, cx: &Ctx<'_>, header: &Header, mesh: &[LinkId]) -> Vec<LinkId> {
        let others = cx.links.subscribers(&header.topic);
        let others = others.filter(|(link, held)| !mesh.contains(link) && may_get(cx, header, *link, held));
        let mut others: Vec<_> =
            others.map(|(link, held)| (pair_lot(&cx.me, &held.peer, header), link)).collect();
        others.sort_unstable();
        others.truncate(WIDE_LINKS.saturating_sub(mesh.len()));
        others.into_iter().map(|(_, link)| link).collect()
    }
}

/// Whether a neighbour outside the mesh may be pushed a wide message.
fn may_get(cx: &Ctx<'_>, header: &Header, link: LinkId, held: &Link) -> bool {
    held.coded
        && held.topics.contains(&header.topic)
        && held.peer != header.publisher
        && cx.score(link) >= cx.config.score.thresholds.publish
}

/// The same at both ends, so that most of those whom a node chooses choose it as well.
fn pair_lot(one: &PeerId, other: &PeerId, header: &Header) -> u64 {
    let mut hash = TraceHash::new();
    hash.write(one.min(other).as_bytes());
    hash.write(one.max(other).as_bytes());
    hash.write(header.id().as_bytes());
    hash.finish()
}

/// Shards of such a message go round on more links in fewer hops, and each link can carry another.
fn is_wide(config: &CodedSettings, header: &Header) -> bool {
    header.params.k() >= WIDE_LINKS && header.params.message_len() <= config.wide_bytes_max
}
