//! Messages that go over links outside the mesh, too: `docs/spec/coded-mode.md`, section 5, "To whom".

use alloc::vec::Vec;

use super::exchange::Exchange;
use super::{Generation, Shards};
use crate::LinkId;
use crate::config::CodedSettings;
use crate::ctx::Ctx;
use crate::rpc::Header;

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
}

impl Shards {
    /// Those of the topic outside the mesh that a wide message is pushed to: others for each message.
    fn outside(&self, cx: &Ctx<'_>, header: &Header, mesh: &[LinkId]) -> Vec<LinkId> {
        let others = cx.links.subscribers(&header.topic).filter(|(link, held)| {
            held.coded
                && !mesh.contains(link)
                && held.peer != header.publisher
                && cx.score(*link) >= cx.config.score.thresholds.publish
        });
        let mut others: Vec<LinkId> = others.map(|(link, _)| link).collect();
        let id = header.id();
        others.sort_unstable_by_key(|link| (self.lot(&id, *link), *link));
        others.truncate(WIDE_LINKS.saturating_sub(mesh.len()));
        others
    }
}

/// Shards of such a message go round on more links in fewer hops, and each link can carry another.
fn is_wide(config: &CodedSettings, header: &Header) -> bool {
    header.params.k() >= WIDE_LINKS && header.params.message_len() <= config.wide_bytes_max
}
