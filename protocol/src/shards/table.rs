//! The coded messages at hand, with the indexes that keep each question cheap.
//!
//! Invariant S1: sums and indexes are right. S4: what can be sent on a link is in its agenda, and the link is not quiet
//! unless that is held back.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use braidcast_coding::Pool;
use bytes::Bytes;

use super::evidence::Kept;
use super::generation::{Age, Generation};
use super::room::Announced;
use crate::{CodingId, LinkId, MessageId, Time};

/// The coded messages at hand.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Oldest first.
    live: BTreeMap<Age, Generation>,
    ages: BTreeMap<CodingId, Age>,
    made: u64,
    /// Undecoded messages by their GossipSub id.
    collecting: BTreeSet<(MessageId, CodingId)>,
    agendas: BTreeMap<LinkId, Agenda>,
    /// Own messages whose first push is not out yet: only here are all of their bytes.
    unsent: BTreeSet<Age>,
    bytes: Sums,
    announced: Announced,
}

/// What there may be to send on a link.
#[derive(Debug, Default)]
struct Agenda {
    /// Own messages first, then by age: a superset, which scheduling tidies.
    entries: BTreeSet<Entry>,
    /// Nothing can be sent before, unless something changes.
    quiet_until: Option<Time>,
}

/// An entry of a link's agenda: not our own, age.
pub(crate) type Entry = (bool, Age);

/// Padded bytes of the messages at hand, by their state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) undecoded: usize,
    pub(crate) whole: usize,
    pub(crate) unsent: usize,
}

impl Agenda {
    fn add(&mut self, generation: &Generation) {
        self.entries.insert((!generation.own, generation.age));
        self.quiet_until = None;
    }
}

impl Table {
    pub(crate) fn insert(&mut self, mut generation: Generation) {
        let id = generation.header.id();
        generation.age = self.made;
        self.ages.insert(id, self.made);
        self.made += 1;
        let bytes = generation.padded_bytes();
        if !generation.is_whole() {
            self.bytes.undecoded += bytes;
            self.announced.add(&generation);
            self.collecting.insert((generation.message.clone(), id));
        } else {
            self.bytes.whole += bytes;
            if generation.is_unsent() {
                self.bytes.unsent += bytes;
                self.unsent.insert(generation.age);
            }
        }
        self.live.insert(generation.age, generation);
        self.schedule(&id);
    }

    pub(crate) fn remove(&mut self, id: &CodingId) -> Option<Generation> {
        let generation = self.live.remove(&self.ages.remove(id)?)?;
        self.sent(&generation);
        match generation.is_whole() {
            true => self.bytes.whole -= generation.padded_bytes(),
            false => {
                self.bytes.undecoded -= generation.padded_bytes();
                self.announced.remove(&generation, false);
                self.collecting.remove(&(generation.message.clone(), *id));
            }
        }
        Some(generation)
    }

    /// An undecoded message is complete: gives what speaks for or against those who sent it.
    pub(crate) fn complete(
        &mut self,
        id: &CodingId,
        payload: Bytes,
        decoded: bool,
        pool: &mut Pool,
    ) -> Option<Vec<Kept>> {
        let age = self.ages.get(id)?;
        let generation = self.live.get_mut(age).filter(|generation| !generation.is_whole())?;
        let bytes = generation.padded_bytes();
        let evidence = generation.complete(payload, decoded, pool);
        self.bytes.undecoded -= bytes;
        self.bytes.whole += bytes;
        self.announced.remove(generation, true);
        self.collecting.remove(&(generation.message.clone(), *id));
        self.schedule(id);
        Some(evidence)
    }

    pub(crate) fn get(&self, id: &CodingId) -> Option<&Generation> {
        self.live.get(self.ages.get(id)?)
    }

    /// Call [`Self::schedule`] if the change gives something to send.
    pub(crate) fn get_mut(&mut self, id: &CodingId) -> Option<&mut Generation> {
        self.live.get_mut(self.ages.get(id)?)
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CodingId, &Generation)> {
        self.live.values().map(|generation| (generation.header.id(), generation))
    }

    /// Oldest first.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (CodingId, &mut Generation)> {
        self.live.values_mut().map(|generation| (generation.header.id(), generation))
    }

    pub(crate) fn undecoded(&self) -> usize {
        self.collecting.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    pub(crate) const fn bytes(&self) -> Sums {
        self.bytes
    }

    /// The oldest message that is whole, or that is not.
    pub(crate) fn oldest(&self, whole: bool) -> Option<CodingId> {
        self.iter().find(|(_, generation)| generation.is_whole() == whole).map(|(id, _)| id)
    }

    /// The oldest undecoded message that this neighbour was the first to announce.
    pub(crate) fn oldest_of(&self, link: LinkId) -> Option<CodingId> {
        let is_its = |generation: &Generation| generation.announcer == Some(link) && !generation.is_whole();
        self.iter().find(|(_, generation)| is_its(generation)).map(|(id, _)| id)
    }

    pub(crate) const fn announced(&self) -> &Announced {
        &self.announced
    }

    pub(crate) const fn announced_mut(&mut self) -> &mut Announced {
        &mut self.announced
    }

    /// Undecoded messages of this GossipSub id.
    pub(crate) fn collecting(&self, message: &MessageId) -> Vec<CodingId> {
        let first = (message.clone(), CodingId::from_bytes([0; 32]));
        self.collecting
            .range(first..)
            .take_while(|(id, _)| id == message)
            .map(|(_, coding)| *coding)
            .collect()
    }

    /// The message may have something to send to each neighbour that exchanges it.
    pub(crate) fn schedule(&mut self, id: &CodingId) {
        let Some(generation) = self.ages.get(id).and_then(|age| self.live.get(age)) else { return };
        for link in generation.exchanges.keys() {
            self.agendas.entry(*link).or_default().add(generation);
        }
    }

    /// The message may have something to send to this neighbour.
    pub(crate) fn schedule_on(&mut self, link: LinkId, id: &CodingId) {
        let generation = self.ages.get(id).and_then(|age| self.live.get(age));
        if let Some(generation) = generation.filter(|generation| generation.exchanges.contains_key(&link)) {
            self.agendas.entry(link).or_default().add(generation);
        }
    }

    /// What held messages back may count no more.
    pub(crate) fn rouse(&mut self) {
        self.agendas.values_mut().for_each(|agenda| agenda.quiet_until = None);
    }

    /// The same on one link.
    pub(crate) fn rouse_on(&mut self, link: LinkId) {
        if let Some(agenda) = self.agendas.get_mut(&link) {
            agenda.quiet_until = None;
        }
    }

    /// Links on which there may be something to send, or until when there is not.
    pub(crate) fn scheduled(&self, now: Time) -> impl Iterator<Item = (LinkId, Option<Time>)> + '_ {
        self.agendas
            .iter()
            .map(move |(link, agenda)| (*link, agenda.quiet_until.filter(|until| *until > now)))
    }

    /// What may have something to send on a link, in the agenda's order.
    pub(crate) fn agenda(&self, link: LinkId) -> impl Iterator<Item = (Entry, &Generation)> {
        let entries = self.agendas.get(&link).into_iter().flat_map(|agenda| &agenda.entries);
        entries.filter_map(|entry| Some((*entry, self.live.get(&entry.1)?)))
    }

    /// Takes entries off a link's agenda, and with them those of messages that are gone. Until `quiet_until` there is
    /// nothing to send.
    pub(crate) fn tidy(&mut self, link: LinkId, idle: &[Entry], quiet_until: Option<Time>) {
        let Some(agenda) = self.agendas.get_mut(&link) else { return };
        agenda.quiet_until = quiet_until;
        idle.iter().for_each(|entry| {
            agenda.entries.remove(entry);
        });
        while agenda.entries.first().is_some_and(|(_, age)| !self.live.contains_key(age)) {
            agenda.entries.pop_first();
        }
        if agenda.entries.is_empty() {
            self.agendas.remove(&link);
        }
    }

    /// After a shard of a message went out, or a neighbour no longer needs one: notes whether its first push is over.
    pub(crate) fn on_sent(&mut self, id: &CodingId) {
        if let Some(generation) = self.get(id).filter(|generation| !generation.is_unsent()) {
            let (age, bytes) = (generation.age, generation.padded_bytes());
            if self.unsent.remove(&age) {
                self.bytes.unsent -= bytes;
            }
        }
    }

    fn sent(&mut self, generation: &Generation) {
        if self.unsent.remove(&generation.age) {
            self.bytes.unsent -= generation.padded_bytes();
        }
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.agendas.remove(&link);
        self.announced.on_link_down(link);
        let mut forsaken = Vec::new();
        for (id, generation) in self.iter_mut() {
            generation.announcer = generation.announcer.filter(|announcer| *announcer != link);
            if generation.exchanges.remove(&link).is_some() && generation.exchanges.is_empty() {
                forsaken.push(id);
            }
        }
        // Nobody is left to send it to: it must not hold up the next.
        for id in forsaken {
            self.on_sent(&id);
        }
    }

    /// Whether sums and indexes are right.
    pub(crate) fn is_sound(&self) -> bool {
        let mut bytes = Sums::default();
        for generation in self.live.values() {
            let size = generation.padded_bytes();
            *(if generation.is_whole() { &mut bytes.whole } else { &mut bytes.undecoded }) += size;
            bytes.unsent += if self.unsent.contains(&generation.age) { size } else { 0 };
        }
        let undecoded = self.live.values().filter(|generation| !generation.is_whole()).count();
        let is_right = |id: &CodingId, age: &Age| {
            self.live
                .get(age)
                .is_some_and(|generation| generation.age == *age && generation.header.id() == *id)
        };
        let aged = self.ages.len() == self.live.len() && self.ages.iter().all(|(id, age)| is_right(id, age));
        let loads_sound = self.announced.sums().all(|(link, count, bytes)| {
            let of = || self.live.values().filter(|g| !g.is_whole() && g.announcer == Some(link));
            (of().count(), of().map(Generation::padded_bytes).sum::<usize>()) == (count, bytes)
        });
        loads_sound && bytes == self.bytes && undecoded == self.collecting.len() && aged
    }

    /// Whether there is said to be nothing to send on a link now.
    pub(crate) fn is_quiet(&self, now: Time, link: LinkId) -> bool {
        self.agendas.get(&link).and_then(|agenda| agenda.quiet_until).is_some_and(|until| until > now)
    }

    /// Whether a message is on the agenda of a link.
    pub(crate) fn is_scheduled(&self, link: LinkId, generation: &Generation) -> bool {
        let entry = (!generation.own, generation.age);
        self.agendas.get(&link).is_some_and(|agenda| agenda.entries.contains(&entry))
    }
}
