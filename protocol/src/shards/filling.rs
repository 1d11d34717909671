//! The links that are taking a shard.
//!
//! All links share one uplink. If each were given a shard as soon as it has room, every shard would wait in the uplink
//! behind those of all other links, made from what we knew before it. So shards are given to one link after another.

use core::time::Duration;

use smallvec::SmallVec;

use crate::links::Links;
use crate::{LinkId, Time};

/// Links that were given a shard and have not been ready since, each with the time when we wait for it no longer.
#[derive(Debug, Default)]
pub(crate) struct Filling(SmallVec<[(LinkId, Time); AT_ONCE]>);

impl Filling {
    /// Notes a shard for a link.
    pub(crate) fn start(&mut self, now: Time, link: LinkId) {
        self.0.push((link, now + PATIENCE));
    }

    /// Until when to wait for those that are taking a shard, if there are enough of them.
    pub(crate) fn wait(&mut self, now: Time, links: &Links) -> Option<Time> {
        self.0.retain(|(link, until)| *until > now && !links.has_room(*link));
        (self.0.len() >= AT_ONCE).then(|| self.0.iter().map(|(_, until)| *until).min()).flatten()
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.0.retain(|(taking, _)| *taking != link);
    }
}

/// How many links take shards at once.
const AT_ONCE: usize = 1;

/// How long a link is waited for: the time of a shard of 64 KiB (4 MiB in 64 of them) at 21 Mbit/s. A link that takes
/// longer is held up by something else than our uplink, and must not hold up the others.
const PATIENCE: Duration = Duration::from_millis(25);
