//! Bounds on the messages at hand, and what it costs to announce messages that never come.

use alloc::collections::BTreeMap;

use super::Shards;
use super::generation::{Body, Generation};
use crate::config::CodedSettings;
use crate::ctx::Ctx;
use crate::{CodingId, LinkId, Misdeed, Trace};

/// Undecoded messages by the neighbour that was the first to announce them.
#[derive(Debug, Default)]
pub(crate) struct Announced(BTreeMap<LinkId, Load>);

/// What one neighbour was the first to announce.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Undecoded messages.
    pub(crate) count: usize,
    /// Their padded bytes.
    pub(crate) bytes: usize,
    /// Messages that may still fail to come for nothing: each one that comes gives one back.
    credit: u32,
}

impl Announced {
    pub(crate) fn add(&mut self, generation: &Generation) {
        let Some(link) = generation.announcer else { return };
        let load = self.0.entry(link).or_insert(Load { count: 0, bytes: 0, credit: CREDIT_MAX });
        load.count += 1;
        load.bytes += generation.padded_bytes();
    }

    /// A message is complete, or was given up.
    pub(crate) fn remove(&mut self, generation: &Generation, complete: bool) {
        let load = generation.announcer.and_then(|link| self.0.get_mut(&link));
        if let Some(load) = load {
            load.count -= 1;
            load.bytes -= generation.padded_bytes();
            load.credit = (load.credit + u32::from(complete)).min(CREDIT_MAX);
        }
    }

    /// A message failed to come: whether that is one too many.
    fn fail(&mut self, link: LinkId) -> bool {
        let Some(load) = self.0.get_mut(&link) else { return false };
        let spent = load.credit == 0;
        load.credit = load.credit.saturating_sub(1);
        spent
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.0.remove(&link);
    }

    /// Whether a neighbour's messages are more than half of what there is room for.
    fn is_over(&self, link: LinkId, config: &CodedSettings) -> bool {
        let over = |load: &Load| {
            load.count > (config.undecoded_max / 2).max(1)
                || (load.bytes > config.undecoded_bytes_max / 2 && load.count > 1)
        };
        self.0.get(&link).is_some_and(over)
    }

    /// The neighbour that takes up most.
    fn heaviest(&self) -> Option<LinkId> {
        let laden = self.0.iter().filter(|(_, load)| load.count > 0);
        laden.max_by_key(|(_, load)| (load.bytes, load.count)).map(|(link, _)| *link)
    }

    /// Messages and bytes, by neighbour.
    pub(crate) fn sums(&self) -> impl Iterator<Item = (LinkId, usize, usize)> + '_ {
        self.0.iter().map(|(link, load)| (*link, load.count, load.bytes)).filter(|(_, count, _)| *count > 0)
    }
}

impl Shards {
    /// Drops the oldest until the bounds hold: on undecoded messages, each neighbour's and all, and on the bytes of those
    /// served. Of too many undecoded ones the neighbour that announced most loses one, so that who floods harms itself.
    pub(super) fn make_room(&mut self, cx: &mut Ctx<'_>, announcer: Option<LinkId>) {
        let config = cx.config;
        while let Some(link) = announcer.filter(|link| self.live.announced().is_over(*link, &config.coded))
            && let Some(id) = self.live.oldest_of(link)
        {
            self.give_up(cx, id);
        }
        loop {
            let (undecoded, bytes) = (self.live.undecoded(), self.live.bytes());
            let too_many = undecoded > config.coded.undecoded_max
                || (bytes.undecoded > config.coded.undecoded_bytes_max && undecoded > 1);
            let too_heavy = bytes.whole > config.gossip.cache_bytes_max && self.live.len() - undecoded > 1;
            let heaviest = self.live.announced().heaviest().and_then(|link| self.live.oldest_of(link));
            match (too_many, too_heavy) {
                (true, _) => match heaviest.or_else(|| self.live.oldest(false)) {
                    Some(id) => self.give_up(cx, id),
                    None => return,
                },
                (false, true) => match self.live.oldest(true) {
                    Some(id) => self.drop_generation(cx, id),
                    None => return,
                },
                (false, false) => return,
            }
        }
    }

    /// An undecoded message will not come, or there is no room for it: those who announced it without a shard broke
    /// their promise, and so did the first to announce it, if that happens with more of its messages than come.
    pub(super) fn give_up(&mut self, cx: &mut Ctx<'_>, id: CodingId) {
        if let Some(generation) = self.live.get(&id).filter(|generation| !generation.is_whole()) {
            let (topic, announcer) = (generation.header.topic.clone(), generation.announcer);
            let empty = generation.exchanges.iter().filter(|(_, exchange)| exchange.is_empty_promise());
            for link in empty.map(|(link, _)| *link) {
                cx.misbehaved(link, Misdeed::BrokenPromise, Some(&topic));
            }
            if let Some(link) = announcer
                && self.live.announced_mut().fail(link)
            {
                cx.misbehaved(link, Misdeed::BrokenPromise, Some(&topic));
            }
        }
        self.drop_generation(cx, id);
    }

    pub(super) fn drop_generation(&mut self, cx: &mut Ctx<'_>, id: CodingId) {
        let Some(generation) = self.live.remove(&id) else { return };
        if let Body::Collecting(collecting) = generation.body {
            collecting.decoder.discard(&mut self.pool);
            let (content, topic) = (generation.header.content, generation.header.topic.clone());
            cx.out.trace(|| Trace::ExpiredMessage { content, topic });
        }
    }
}

/// Messages that a neighbour may announce in vain: it may have been deceived by those before it.
const CREDIT_MAX: u32 = 64;
