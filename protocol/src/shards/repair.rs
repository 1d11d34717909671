//! What makes delivery certain: silence on an undecoded message is answered by pulling.

use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use super::Shards;
use super::generation::Generation;
use crate::ctx::Ctx;
use crate::mesh::Mesh;
use crate::rpc::Want;
use crate::{CodingId, LinkId, Time};

/// Longest time between two pulls of one message, unless the configured pause is longer.
const REPAIR_PAUSE_MAX: Duration = Duration::from_secs(10);

impl Shards {
    /// When the next pull may be due.
    pub(crate) const fn next_repair(&self) -> Option<Time> {
        self.next_repair
    }

    /// Pulls what is overdue.
    pub(crate) fn on_wake(&mut self, cx: &mut Ctx<'_>) {
        if self.next_repair.is_none_or(|at| at > cx.now) {
            return;
        }
        let pause = cx.config.coded.repair_after;
        for (_, generation) in self.live.iter_mut().filter(|(_, generation)| !generation.is_whole()) {
            if generation.repair_at <= cx.now {
                pull(cx, generation);
                generation.repairs = generation.repairs.saturating_add(1);
                // After a failed decode others may wait for us to ask: they cannot know what we still believe.
                let doublings = if generation.is_wary() { 0 } else { generation.repairs.min(5) };
                let longer = pause.saturating_mul(1 << doublings);
                generation.repair_at = cx.now + longer.min(REPAIR_PAUSE_MAX.max(pause));
            }
        }
        for (link, have) in self.rumours.due(cx.now, cx.config.gossip.iwant_followup) {
            if let Some(rpc) = cx.links.control(link) {
                let want = Want { message: have.message, count: have.rank, indices: Default::default() };
                rpc.coded.wants.push(want);
            }
        }
        let undecoded = self.live.iter().filter(|(_, generation)| !generation.is_whole());
        let repairs = undecoded.map(|(_, generation)| generation.repair_at);
        self.next_repair = repairs.chain(self.rumours.next_due()).min();
    }

    /// Something may be due at `at`.
    pub(super) fn wake_by(&mut self, at: Time) {
        self.next_repair = Some(self.next_repair.map_or(at, |next| next.min(at)));
    }

    /// Forgets what is served long enough, and gives up what does not come.
    pub(crate) fn heartbeat(&mut self, cx: &mut Ctx<'_>, mesh: &Mesh) {
        let windows = u32::try_from(cx.config.gossip.history_length).unwrap_or(u32::MAX);
        let served = cx.config.mesh.heartbeat.saturating_mul(windows);
        let ttl = cx.config.coded.undecoded_ttl;
        let over: Vec<CodingId> = self
            .live
            .iter()
            .filter(|(_, generation)| {
                let age = cx.now.since(generation.progress);
                let waiting =
                    |link: &LinkId| generation.exchanges.get(link).is_some_and(|e| e.pushes() && !e.done);
                match generation.is_whole() {
                    true => {
                        age > ttl
                            || (age > served && !mesh.members(&generation.header.topic).iter().any(waiting))
                    }
                    false => age > ttl,
                }
            })
            .map(|(id, _)| id)
            .collect();
        over.into_iter().for_each(|id| self.give_up(cx, id));
        self.finished.expire(cx.now);
        self.probation.expire(cx.now);
        for link in self.distrust.expire(&cx.config.coded, cx.now) {
            let ids: Vec<CodingId> = self.live.iter().map(|(id, _)| id).collect();
            ids.iter().for_each(|id| self.live.schedule_on(link, id));
        }
    }
}

impl Generation {
    /// A shard raised the rank: the next is awaited for as long as four of the last pauses.
    pub(super) fn on_progress(&mut self, now: Time, pause: Duration) {
        let pause = now.since(self.progress).saturating_mul(4).clamp(pause, REPAIR_PAUSE_MAX.max(pause));
        self.progress = now;
        self.repair_at = now + pause;
        self.repairs = 0;
    }
}

/// Asks a neighbour that knows the message for what is missing: the best first, then in turn. After a failed decode,
/// when single shards are asked for by name, all of them are asked of several that have the message.
fn pull(cx: &mut Ctx<'_>, generation: &mut Generation) {
    let rank = |link: &LinkId| generation.exchanges[link].reported.map_or(0, |report| report.rank);
    let knows = generation.exchanges.iter().filter(|(_, exchange)| exchange.known).map(|(link, _)| *link);
    let mut candidates: Vec<LinkId> = knows.filter(|link| cx.gossips_with(*link)).collect();
    candidates.sort_by_key(|link| (core::cmp::Reverse(rank(link)), *link));
    let Some(turn) = (generation.repairs as usize).checked_rem(candidates.len()) else { return };
    let whole = candidates.iter().filter(|link| rank(link) == generation.k()).count();
    let (missing, message) = (generation.k() - generation.rank(), generation.header.id());
    let indices = generation.missing_indices(&mut cx.rng.gossip);
    if indices.is_empty() || whole == 0 {
        ask(cx, candidates[turn], Want { message, count: missing, indices: names(&indices) });
        return;
    }
    generation.pulled_from_whole = true;
    let each = indices.len().div_ceil(whole.min(ASKED_MAX));
    for (part, place) in indices.chunks(each).zip(turn..) {
        let link = candidates[place % whole];
        ask(cx, link, Want { message, count: part.len() as u16, indices: names(part) });
    }
}

fn ask(cx: &mut Ctx<'_>, link: LinkId, want: Want) {
    if let Some(rpc) = cx.links.control(link) {
        rpc.coded.wants.push(want);
    }
}

fn names(indices: &[u16]) -> SmallVec<[u8; 16]> {
    indices.iter().map(|index| *index as u8).collect()
}

/// Neighbours among which shards that are asked for by name are divided.
const ASKED_MAX: usize = 3;
