//! Coded shards: messages that travel as linear combinations.
//!
//! Spec: `docs/spec/coded-mode.md`. Shards are made when a link can take them and never wait in a queue.
//! Invariant S1: undecoded messages are within their bounds. S2: every exchange belongs to a live link.
//! S3: what is marked as verified is held. S4: what can be sent on a link is on its agenda.

mod blame;
mod collecting;
mod evidence;
mod exchange;
mod filling;
mod generation;
mod hashes;
mod probation;
mod receive;
mod repair;
mod room;
mod rumours;
mod schedule;
mod sending;
mod spread;
mod table;
mod terms;
mod trend;
mod trust;
mod wide;

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use braidcast_coding::{Encoder, Params, Pool, ShardId};
use bytes::Bytes;
use rand_core::Rng;

use self::filling::Filling;
use self::generation::{Body, Generation};
use self::hashes::shard_hashes;
use self::probation::Probation;
pub(crate) use self::receive::ShardVerdict;
use self::receive::tell_rank;
use self::rumours::Rumours;
use self::table::Table;
use self::terms::Trust;
use self::trust::Distrust;
use crate::ctx::Ctx;
use crate::invariants::{Broken, Rule, ensure};
use crate::links::Links;
use crate::mesh::Mesh;
use crate::rpc::{Header, HeaderFields, Message};
use crate::seed::Streams;
use crate::seen::Seen;
use crate::{CodingId, Config, ContentId, LinkId, MessageId, Time, Topic};

/// All coded messages that are being received or served.
#[derive(Debug)]
pub(crate) struct Shards {
    live: Table,
    /// Messages that are complete, also after they are no longer served.
    finished: Seen<CodingId, Finished>,
    /// Messages of which only reports are known.
    rumours: Rumours,
    distrust: Distrust,
    probation: Probation,
    /// A time at or before the first repair that is due.
    next_repair: Option<Time>,
    /// Links that take a shard now.
    filling: Filling,
    /// Decides between neighbours that are equally due.
    salt: u64,
    /// Memory for shards and messages.
    pool: Pool,
}

#[derive(Clone, Copy, Debug)]
struct Finished {
    k: u16,
    content: ContentId,
}

impl Shards {
    pub(crate) fn new(config: &Config, rng: &mut Streams) -> Self {
        let (ttl, max) = (config.gossip.seen_ttl, config.gossip.seen_max);
        Self {
            live: Table::default(),
            finished: Seen::new(rng.hashing.next_u64(), ttl, max),
            rumours: Rumours::default(),
            distrust: Distrust::default(),
            probation: Probation::default(),
            next_repair: None,
            filling: Filling::default(),
            salt: rng.hashing.next_u64(),
            pool: Pool::new(POOL_BYTES_MAX),
        }
    }

    /// Cuts a message into shards, signs its header and serves it to its receivers. `plain` is the same message as
    /// GossipSub carries it, signed; `None` if it is anonymous.
    pub(crate) fn publish(
        &mut self,
        cx: &mut Ctx<'_>,
        receivers: &[LinkId],
        plain: &Message,
        content: ContentId,
    ) -> Option<CodingId> {
        let coded = &cx.config.coded;
        let (publisher, seqno) = plain.publisher.zip(plain.seqno)?;
        let k = coded.shard_factor.for_message(plain.data.len());
        let params = Params::for_message(plain.data.len(), usize::from(k))
            .expect("a checked configuration gives a valid k and message length");
        let encoder =
            Encoder::new(plain.data.clone(), params).expect("the parameters were made for this message");
        let hashes = shard_hashes(&encoder, coded.multiplier.shards(k), &mut self.pool);
        let fields = HeaderFields {
            topic: plain.topic.clone(),
            publisher,
            seqno,
            params,
            content,
            hashes: hashes.commitment(),
            message_signature: plain.signature.clone(),
        };
        let header = Arc::new(Header::sign(fields, cx.keys));
        let id = header.id();
        let message = header.message_id(cx.config.message_ids);
        let mut generation = Generation::published(header, message, (encoder, hashes), cx.now);
        generation.push_to(cx, self, receivers);
        self.finished.insert(cx.now, id, Finished { k, content });
        self.live.insert(generation);
        self.make_room(cx, None);
        Some(id)
    }

    /// Our own messages that were not handed out yet: how many, and their bytes.
    pub(crate) fn unsent(&self) -> (usize, usize) {
        (self.live.unsent(), self.live.bytes().unsent)
    }

    /// Stops serving a message that the application refused.
    pub(crate) fn reject(&mut self, cx: &mut Ctx<'_>, id: CodingId) {
        self.drop_generation(cx, id);
    }

    /// The message came whole, by plain GossipSub: its shards are no longer needed.
    pub(crate) fn on_whole(
        &mut self,
        cx: &mut Ctx<'_>,
        message: &MessageId,
        data: &Bytes,
        content: Option<ContentId>,
    ) {
        for id in self.live.collecting(message) {
            let same = |generation: &Generation| {
                generation.header.params.message_len() == data.len()
                    && generation.header.content == content.unwrap_or_else(|| ContentId::of(data))
            };
            if self.live.get(&id).is_some_and(same) {
                self.complete(cx, id, data.clone(), false);
            }
        }
    }

    /// From now on a message is served, and the neighbours are told to send no more of it.
    /// `decoded`: it was made of the shards held.
    fn complete(&mut self, cx: &mut Ctx<'_>, id: CodingId, payload: Bytes, decoded: bool) {
        let wary = self.live.get(&id).is_some_and(Generation::is_wary);
        let Some(evidence) = self.live.complete(&id, payload, decoded, &mut self.pool) else { return };
        self.tell_complete(cx, id);
        self.judge(cx, id, &evidence, wary);
        self.audit_all(cx, id);
        self.make_room(cx, None);
    }

    fn tell_complete(&mut self, cx: &mut Ctx<'_>, id: CodingId) {
        let Some(generation) = self.live.get_mut(&id) else { return };
        let (k, have) = (generation.k(), generation.have());
        self.finished.insert(cx.now, id, Finished { k, content: generation.header.content });
        for (link, exchange) in &mut generation.exchanges {
            if exchange.told != Some(k)
                && let Some(rpc) = cx.links.control(*link)
            {
                rpc.coded.haves.push(have);
                exchange.told = Some(k);
            }
        }
    }

    /// A peer entered the mesh: what is being collected is pushed to it, what is complete is offered.
    pub(crate) fn on_graft(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) {
        if !cx.links.is_coded(link) {
            return;
        }
        let mut pushed = Vec::new();
        for (id, generation) in self.live.iter_mut() {
            if generation.header.topic != *topic {
                continue;
            }
            let have = generation.have();
            let whole = matches!(generation.body, Body::Whole { .. });
            let exchange = generation.exchanges.entry(link).or_default();
            if whole && !exchange.pushes() {
                if let (false, Some(rpc)) = (exchange.done, cx.links.control(link)) {
                    rpc.coded.haves.push(have);
                    exchange.told = Some(have.rank);
                }
            } else {
                exchange.push_in_mesh();
                pushed.push(id);
            }
        }
        pushed.iter().for_each(|id| self.live.schedule(id));
    }

    /// A link's round trip changed: what follows from it counts no more.
    pub(crate) fn on_stats(&mut self, link: LinkId) {
        self.live.rouse_on(link);
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.live.on_link_down(link);
        self.rumours.on_link_down(link);
        self.filling.on_link_down(link);
        self.distrust.on_link_down(link);
        self.probation.on_link_down(link);
    }

    /// The content of a message that is or was handled here.
    pub(crate) fn content_of(&self, id: &CodingId) -> Option<ContentId> {
        let live = self.live.get(id).map(|generation| generation.header.content);
        live.or_else(|| self.finished.get(id).map(|finished| finished.content))
    }

    /// Messages that are not decoded yet, with the bytes held of each.
    pub(crate) fn undecoded(&self) -> impl Iterator<Item = (ContentId, usize)> + '_ {
        let undecoded = self.live.iter().filter(|(_, generation)| !generation.is_whole());
        undecoded.map(|(_, generation)| (generation.header.content, generation.held_bytes()))
    }

    pub(crate) fn count_held(&self, held: &mut crate::Held) {
        let bytes = self.live.bytes();
        held.served_bytes += bytes.whole;
        held.undecoded_bytes += bytes.undecoded;
        held.ids += self.finished.len();
        held.generations += self.live.len();
    }

    pub(crate) fn check(&self, config: &Config, now: Time, links: &Links, mesh: &Mesh) -> Result<(), Broken> {
        let undecoded = self.live.undecoded();
        let bounded = undecoded <= config.coded.undecoded_max && self.rumours.is_bounded();
        ensure(self.live.is_sound() && bounded, Rule::S1, || format!("{undecoded} of {}", self.live.len()))?;
        for (id, generation) in self.live.iter() {
            for (link, exchange) in &generation.exchanges {
                ensure(links.is_live(*link), Rule::S2, || format!("{id:?}: {link:?}"))?;
                let terms = self.terms(config, now, (mesh, links), generation, *link);
                let held = |trust| {
                    self.held_back((config, now, links), generation, (*link, exchange), trust).is_some()
                };
                // A quiet link is looked at again when what held it is over, not when we trust again.
                let quiet = self.live.is_quiet(now, *link) && !held(Trust::All) && !held(Trust::Verified);
                let found = self.live.is_scheduled(*link, generation) && !quiet;
                ensure(found || !generation.can_send(*link, terms), Rule::S4, || {
                    format!("{id:?}: {link:?}")
                })?;
            }
            if let Body::Collecting(collecting) = &generation.body {
                let held = |index: u16| {
                    collecting.decoder.shards().iter().any(|shard| shard.id == ShardId::Canonical(index))
                };
                let sound = (0..256).all(|index| !collecting.verified.contains(index) || held(index));
                ensure(sound, Rule::S3, || format!("{id:?}"))?;
            }
        }
        Ok(())
    }

    pub(crate) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        for (id, generation) in self.live.iter() {
            (id, generation.rank(), generation.is_whole()).fold_into(hash);
            for (link, exchange) in &generation.exchanges {
                (link, exchange.sent, exchange.received, exchange.done, exchange.wanted).fold_into(hash);
            }
        }
        self.finished.len().fold_into(hash);
    }
}

/// Most memory that is kept for use again, in bytes, shards on their way included: 32 MiB.
const POOL_BYTES_MAX: usize = 32 << 20;
