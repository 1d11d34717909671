//! Peering agreements: links to direct peers are kept up.
//!
//! Spec: gossipsub v1.1 "Explicit Peering Agreements".

use crate::ctx::Ctx;
use crate::{Action, Config, PeerId, Time};

/// When direct peers without a link are dialled next.
#[derive(Debug)]
pub(crate) struct Direct {
    next: Time,
}

impl Direct {
    pub(crate) fn new(config: &Config, now: Time) -> Self {
        Self { next: now + config.mesh.direct_delay }
    }

    /// Dials those that there is no link to, once in so many heartbeats.
    pub(crate) fn heartbeat(&mut self, cx: &mut Ctx<'_>) {
        if cx.now < self.next {
            return;
        }
        self.next = cx.now + cx.config.mesh.heartbeat.saturating_mul(cx.config.mesh.direct_ticks);
        let missing = |peer: &&PeerId| **peer != cx.me && !cx.links.is_linked(peer);
        for peer in cx.config.direct_peers.iter().filter(missing) {
            cx.out.push(Action::Dial { peer: *peer, hint: None });
        }
    }
}
