//! The coded messages at hand, with the indexes that keep each question cheap.
//!
//! Invariant S1: sums and indexes are right. S4: what can be sent on a link is in its agenda.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use braidcast_coding::Pool;
use bytes::Bytes;

use super::evidence::Kept;
use super::generation::{Age, Generation};
use super::room::Announced;
use crate::{CodingId, LinkId, MessageId};

/// The coded messages at hand.
#[derive(Debug, Default)]
pub(crate) struct Table {
    live: BTreeMap<CodingId, Generation>,
    /// By age, oldest first.
    by_age: BTreeMap<Age, CodingId>,
    made: u64,
    /// Undecoded messages by their GossipSub id.
    collecting: BTreeSet<(MessageId, CodingId)>,
    /// For each link what may have something to send, own messages first, then by age: a superset, which
    /// scheduling tidies.
    agenda: BTreeMap<LinkId, BTreeSet<Entry>>,
    /// Own messages whose first push is not out yet: only here are all of their bytes.
    unsent: BTreeSet<Age>,
    bytes: Sums,
    announced: Announced,
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

impl Table {
    pub(crate) fn insert(&mut self, mut generation: Generation) {
        let id = generation.header.id();
        generation.age = self.made;
        self.by_age.insert(self.made, id);
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
        self.live.insert(id, generation);
        self.schedule(&id);
    }

    pub(crate) fn remove(&mut self, id: &CodingId) -> Option<Generation> {
        let generation = self.live.remove(id)?;
        self.by_age.remove(&generation.age);
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
        let generation = self.live.get_mut(id).filter(|generation| !generation.is_whole())?;
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
        self.live.get(id)
    }

    /// Call [`Self::schedule`] if the change gives something to send.
    pub(crate) fn get_mut(&mut self, id: &CodingId) -> Option<&mut Generation> {
        self.live.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CodingId, &Generation)> {
        self.live.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&CodingId, &mut Generation)> {
        self.live.iter_mut()
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
        self.by_age.values().copied().find(|id| self.live[id].is_whole() == whole)
    }

    /// The oldest undecoded message that this neighbour was the first to announce.
    pub(crate) fn oldest_of(&self, link: LinkId) -> Option<CodingId> {
        let is_its = |id: &CodingId| self.live[id].announcer == Some(link) && !self.live[id].is_whole();
        self.by_age.values().copied().find(is_its)
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
        let Some(generation) = self.live.get(id) else { return };
        for link in generation.exchanges.keys() {
            self.agenda.entry(*link).or_default().insert((!generation.own, generation.age));
        }
    }

    /// Links on which there may be something to send.
    pub(crate) fn scheduled(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.agenda.keys().copied()
    }

    /// What may have something to send on a link, in the agenda's order.
    pub(crate) fn agenda(&self, link: LinkId) -> impl Iterator<Item = (Entry, &Generation)> {
        let entries = self.agenda.get(&link).into_iter().flatten();
        entries.filter_map(|entry| Some((*entry, self.live.get(self.by_age.get(&entry.1)?)?)))
    }

    /// Takes entries off a link's agenda, and with them those of messages that are gone.
    pub(crate) fn tidy(&mut self, link: LinkId, idle: &[Entry]) {
        let Some(agenda) = self.agenda.get_mut(&link) else { return };
        idle.iter().for_each(|entry| {
            agenda.remove(entry);
        });
        while agenda.first().is_some_and(|(_, age)| !self.by_age.contains_key(age)) {
            agenda.pop_first();
        }
        if agenda.is_empty() {
            self.agenda.remove(&link);
        }
    }

    /// After a shard of a message went out, or a neighbour no longer needs one: notes whether its first push is over.
    pub(crate) fn on_sent(&mut self, id: &CodingId) {
        if let Some(generation) = self.live.get(id).filter(|generation| !generation.is_unsent()) {
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
        self.agenda.remove(&link);
        self.announced.on_link_down(link);
        let mut forsaken = Vec::new();
        for (id, generation) in &mut self.live {
            generation.announcer = generation.announcer.filter(|announcer| *announcer != link);
            if generation.exchanges.remove(&link).is_some() && generation.exchanges.is_empty() {
                forsaken.push(*id);
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
        let aged = self.by_age.len() == self.live.len()
            && self.by_age.iter().all(|(age, id)| self.live.get(id).is_some_and(|g| g.age == *age));
        let loads_sound = self.announced.sums().all(|(link, count, bytes)| {
            let of = || self.live.values().filter(|g| !g.is_whole() && g.announcer == Some(link));
            (of().count(), of().map(Generation::padded_bytes).sum::<usize>()) == (count, bytes)
        });
        loads_sound && bytes == self.bytes && undecoded == self.collecting.len() && aged
    }

    /// Whether a message is on the agenda of a link.
    pub(crate) fn is_scheduled(&self, link: LinkId, generation: &Generation) -> bool {
        let entry = (!generation.own, generation.age);
        self.agenda.get(&link).is_some_and(|agenda| agenda.contains(&entry))
    }
}
