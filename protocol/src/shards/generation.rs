//! One coded message: its shards until it is decoded, itself afterwards, and what each neighbour has of it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use braidcast_coding::{Decoder, Encoder, Pool, ShardId};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

pub(crate) use super::collecting::{Collecting, Sender, Taken};
use super::evidence::Kept;
use super::exchange::Exchange;
use super::hashes::Hashes;
use crate::gossip::Credits;
use crate::rpc::{Have, Header, Shard, ShardHashes};
use crate::score::ONE;
use crate::{ContentId, LinkId, MessageId, Time, select};

/// When a message came, as a count.
pub(crate) type Age = u64;

/// A message that travels as shards.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) header: Arc<Header>,
    pub(crate) hashes: Hashes,
    /// Its GossipSub id.
    pub(crate) message: MessageId,
    pub(crate) body: Body,
    /// Its place among the messages at hand; given by the table.
    pub(crate) age: Age,
    /// We published it.
    pub(crate) own: bool,
    /// It goes over links outside the mesh, too.
    pub(super) wide: bool,
    /// The neighbour that was the first to announce it, while its link is up.
    pub(crate) announcer: Option<LinkId>,
    pub(crate) exchanges: BTreeMap<LinkId, Exchange>,
    /// Shards sent to all neighbours.
    pub(super) sent: u32,
    /// When the rank rose last, or the message was published.
    pub(crate) progress: Time,
    /// When shards are pulled if nothing new comes.
    pub(crate) repair_at: Time,
    /// Pulls since the last innovative shard.
    pub(crate) repairs: u32,
    /// Shards were pulled by index from a neighbour that has them all, and that may still come.
    pub(crate) pulled_from_whole: bool,
}

/// What we have of a message.
#[derive(Debug)]
pub(crate) enum Body {
    Collecting(Box<Collecting>),
    /// All of it, verified. `next` is the next canonical shard of the publisher's first push.
    Whole {
        encoder: Encoder,
        next: u16,
    },
}

impl Generation {
    /// A message of which the first header came.
    pub(crate) fn collecting(header: Arc<Header>, message: MessageId, now: Time, repair_at: Time) -> Self {
        let decoder = Decoder::new(header.params);
        let body = Body::Collecting(Box::new(Collecting::new(decoder)));
        Self::new((header, None), message, body, now, repair_at)
    }

    /// A message of ours.
    pub(crate) fn published(
        header: Arc<Header>,
        message: MessageId,
        (encoder, hashes): (Encoder, ShardHashes),
        now: Time,
    ) -> Self {
        let body = Body::Whole { encoder, next: 0 };
        Self { own: true, ..Self::new((header, Some(hashes)), message, body, now, now) }
    }

    fn new(
        (header, hashes): (Arc<Header>, Option<ShardHashes>),
        message: MessageId,
        body: Body,
        progress: Time,
        repair_at: Time,
    ) -> Self {
        let exchanges = BTreeMap::new();
        Self {
            hashes: Hashes::new(header.hashes, hashes),
            header,
            message,
            body,
            age: 0,
            own: false,
            wide: false,
            announcer: None,
            exchanges,
            sent: 0,
            progress,
            repair_at,
            repairs: 0,
            pulled_from_whole: false,
        }
    }

    pub(crate) fn k(&self) -> u16 {
        self.header.params.k() as u16
    }

    pub(crate) fn rank(&self) -> u16 {
        match &self.body {
            Body::Collecting(collecting) => collecting.decoder.rank() as u16,
            Body::Whole { .. } => self.k(),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.body, Body::Whole { .. })
    }

    /// Bytes of the message with its padding.
    pub(crate) fn padded_bytes(&self) -> usize {
        self.header.params.padded_len()
    }

    /// Whether the first push of our own message is not out yet, and there is someone to push it to.
    pub(crate) fn is_unsent(&self) -> bool {
        let unsent = matches!(&self.body, Body::Whole { next, .. } if *next < self.header.hashed_shards());
        self.own && unsent && self.exchanges.values().any(|exchange| exchange.pushes() && !exchange.done)
    }

    /// Whether nodes report their ranks on the way to *k*.
    pub(crate) fn is_reported(&self) -> bool {
        self.k() >= REPORTED_K_MIN
    }

    /// Our report.
    pub(crate) fn have(&self) -> Have {
        let (verified, sources) = match &self.body {
            Body::Collecting(collecting) => (collecting.verified.low(), self.pushed() as u16),
            Body::Whole { .. } => (0, 0),
        };
        Have { message: self.header.id(), rank: self.rank(), verified, sources, checks: false, doubts: false }
    }

    /// Neighbours to which shards are pushed, and which push theirs to us.
    pub(super) fn pushed(&self) -> usize {
        self.exchanges.values().filter(|exchange| exchange.pushes()).count()
    }

    /// Bytes of shards held of an undecoded message.
    pub(crate) fn held_bytes(&self) -> usize {
        match &self.body {
            Body::Collecting(collecting) => {
                let shards = collecting.decoder.shards().len() + collecting.decoder.spares().len();
                shards * self.header.params.shard_len()
            }
            Body::Whole { .. } => 0,
        }
    }

    /// Dense shards of one neighbour that are looked at.
    fn offers_max(&self) -> u16 {
        2 * self.k() + 8
    }

    /// Whether one more dense shard of a neighbour is looked at now that the message is complete; counts it.
    pub(crate) fn examines(&mut self, link: LinkId) -> bool {
        let offers_max = self.offers_max();
        let exchange = self.exchanges.entry(link).or_default();
        exchange.offered = exchange.offered.saturating_add(1);
        exchange.offered <= offers_max
    }

    /// Takes a shard from a neighbour. Only while collecting.
    pub(crate) fn take(&mut self, sender: Sender, shard: &Shard, pool: &mut Pool) -> Taken {
        let offers_max = self.offers_max();
        let checked = matches!(shard.id, ShardId::Canonical(_)) && self.hashes.list().is_some();
        let Body::Collecting(collecting) = &mut self.body else { return Taken::Unhelpful };
        let exchange = self.exchanges.entry(sender.link).or_default();
        // At most k shards of one neighbour are useful; some more may cross with what we tell it. Canonical ones are
        // checked: however many others came, what was asked for by name is taken.
        if !checked && exchange.offered >= offers_max {
            return Taken::Unhelpful;
        }
        exchange.offered = exchange.offered.saturating_add(1);
        let taken = collecting.take(&self.hashes, sender, shard, pool);
        if let (ShardId::Canonical(index), true) = (&shard.id, taken != Taken::Invalid) {
            exchange.holds.insert(*index);
        }
        exchange.received += u16::from(taken == Taken::Innovative);
        taken
    }

    /// Whether this shard is held and matched its hash.
    pub(crate) fn has_verified(&self, id: &ShardId) -> bool {
        match (&self.body, id) {
            (Body::Collecting(collecting), ShardId::Canonical(index)) => collecting.verified.contains(*index),
            (Body::Collecting(_) | Body::Whole { .. }, _) => false,
        }
    }

    /// Whether that is a canonical shard of a complete message; `None` if the publisher lied about it.
    pub(crate) fn check(&mut self, index: u16, body: &[u8], pool: &mut Pool) -> Option<bool> {
        if let Body::Whole { encoder, .. } = &self.body {
            self.hashes.complete(encoder, pool);
        }
        self.hashes.matches(index, body)
    }

    /// Takes a list of hashes from a neighbour. Whether it is the one that the header means.
    pub(crate) fn learn(&mut self, link: LinkId, hashes: &ShardHashes) -> bool {
        let right = self.hashes.learn(hashes);
        self.exchanges.entry(link).or_default().has_list |= right;
        right
    }

    /// What a neighbour is told that sent a canonical shard without the list, once, if we mix only what we can check.
    pub(crate) fn need_list(&mut self, link: LinkId) -> Option<Have> {
        let lacking = self.hashes.list().is_none() && !self.is_whole();
        let exchange = self.exchanges.get_mut(&link).filter(|_| lacking)?;
        let first = !core::mem::replace(&mut exchange.told_need, true);
        first.then(|| Have { checks: true, ..self.have() })
    }

    /// The message, if the shards make one that is what was published; `None` when they do not.
    pub(crate) fn decode(&mut self, pool: &mut Pool) -> Option<Bytes> {
        let Body::Collecting(collecting) = &mut self.body else { return None };
        let payload = collecting.decoder.finish(pool).ok()?;
        (ContentId::of(&payload) == self.header.content).then_some(payload)
    }

    /// What each neighbour brought of the shards held: shares of the message, in millionths.
    pub(crate) fn credits(&self) -> Credits {
        let mut credits = Credits::new();
        let Body::Collecting(collecting) = &self.body else { return credits };
        let share = ONE / u64::from(self.k());
        for link in collecting.origins() {
            match credits.iter_mut().find(|(other, _)| *other == link) {
                Some((_, credit)) => *credit += share,
                None => credits.push((link, share)),
            }
        }
        credits
    }

    /// Turns into a source of the message. `payload` is what [`Self::decode`] gave, or the same from elsewhere. What is
    /// left of the shards is evidence.
    pub(crate) fn complete(&mut self, payload: Bytes, decoded: bool, pool: &mut Pool) -> Vec<Kept> {
        let Ok(encoder) = Encoder::new(payload, self.header.params) else { return Vec::new() };
        let whole = Body::Whole { encoder, next: self.header.hashed_shards() };
        match core::mem::replace(&mut self.body, whole) {
            Body::Collecting(collecting) => collecting.into_evidence(decoded, pool),
            Body::Whole { .. } => Vec::new(),
        }
    }

    /// After a decode that failed: throws away what is wrong, as far as that can be told. Whether it could be.
    pub(crate) fn retreat(&mut self, pool: &mut Pool) -> bool {
        let Body::Collecting(collecting) = &mut self.body else { return false };
        self.exchanges.values_mut().for_each(Exchange::on_thrown_out);
        collecting.retreat(&self.hashes, pool)
    }

    /// Throws away the unverified shards of a neighbour that lied. Whether there were any.
    pub(crate) fn throw_out_liar(&mut self, link: LinkId, pool: &mut Pool) -> bool {
        let Body::Collecting(collecting) = &mut self.body else { return false };
        let any = collecting.throw_out_liar(link, pool);
        if any {
            self.exchanges.values_mut().for_each(Exchange::on_thrown_out);
        }
        any
    }

    /// What is missing is pulled at once, wherever it was asked for before.
    pub(crate) fn pull_at_once(&mut self, now: Time) {
        self.repair_at = now;
        self.repairs = 0;
        self.pulled_from_whole = false;
    }

    /// Whether a decode of it failed and it is not complete yet.
    pub(crate) fn is_wary(&self) -> bool {
        matches!(&self.body, Body::Collecting(collecting) if collecting.is_wary())
    }

    /// Canonical shards to ask for by index, when only these are taken.
    pub(crate) fn missing_indices(&self, rng: &mut ChaCha8Rng) -> Vec<u16> {
        match &self.body {
            Body::Collecting(collecting) if collecting.is_wary() => {
                let lacking = (0..self.header.hashed_shards()).filter(|i| !collecting.verified.contains(*i));
                select::sample(rng, lacking.collect(), usize::from(self.k() - self.rank()))
            }
            Body::Collecting(_) | Body::Whole { .. } => Vec::new(),
        }
    }
}

/// Of fewer shards all are on their way before a report could change anything; by old reports neighbours would be
/// sent more than they need.
const REPORTED_K_MIN: u16 = 8;
