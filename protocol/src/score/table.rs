//! The records of all peers, linked or remembered.
//!
//! Spec: gossipsub v1.1 "Peer Scoring", *DecayInterval*, *RetainScore*.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::IpAddr;

use super::Score;
use super::addresses::{Addresses, counted};
use super::deliveries::Deliveries;
use super::parts::PeerScore;
use super::record::Record;
use super::refused::Refused;
use crate::invariants::{Broken, Rule, ensure};
use crate::links::Links;
use crate::mesh::Mesh;
use crate::{Config, LinkId, MessageId, Misdeed, PeerId, ScoreSettings, Time, Topic};

/// Most steps of fading that are made up for after a pause.
const STEPS_MAX: u128 = 3600;

/// The records of all peers. Empty unless scoring is on.
#[derive(Clone, Hash, Debug)]
pub(crate) struct Scores {
    peers: BTreeMap<PeerId, Record>,
    addresses: Addresses,
    refused: Refused,
    /// Peers that lied about shards: whether peers are scored or not.
    convicted: Refused,
    deliveries: Deliveries,
    /// When counts faded last.
    faded_at: Time,
}

impl Scores {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            peers: BTreeMap::new(),
            addresses: Addresses::default(),
            refused: Refused::default(),
            convicted: Refused::default(),
            deliveries: Deliveries::default(),
            faded_at: now,
        }
    }

    /// The score of a peer; zero for one that is not known, just below the graylist for one that was convicted.
    pub(crate) fn score(&self, config: &Config, peer: &PeerId) -> Score {
        let score = self.peers.get(peer).map_or(Score::ZERO, Record::score);
        match self.convicted.is_listed(peer) {
            true => score.min(config.score.thresholds.graylist + Score::from_millionths(-1)),
            false => score,
        }
    }

    /// A peer was proved to lie; until then nothing is taken from it.
    pub(crate) fn convict(&mut self, until: Time, peer: PeerId) {
        self.convicted.insert(peer, until);
    }

    /// Whether a peer was dropped and its time is not up.
    pub(crate) fn is_refused(&self, peer: &PeerId, now: Time) -> bool {
        self.refused.contains(peer, now)
    }

    pub(crate) fn on_link_up(&mut self, config: &Config, now: Time, peer: PeerId, ip: Option<IpAddr>) {
        if !config.score.enabled {
            return;
        }
        let address = ip.and_then(|ip| counted(&config.score.colocation, ip));
        let record = self.peers.entry(peer).or_insert_with(|| Record::new(now));
        record.forget_at = None;
        record.conduct.on_link_up(now);
        record.address = address;
        self.addresses.enter(address);
        record.set_crowd(&config.score, self.addresses.peers(address));
        record.refresh(&config.score, now);
    }

    pub(crate) fn on_link_down(&mut self, config: &Config, now: Time, peer: &PeerId) {
        let Some(record) = self.peers.get_mut(peer) else { return };
        self.addresses.leave(record.address.take());
        record.on_link_down(&config.score, now);
        if !record.is_blemished() && !record.conduct.is_observed(&config.score.reputation) {
            self.peers.remove(peer);
        }
        self.forget_surplus(config.score.retained_max);
    }

    /// When too many are remembered, the best of them makes room: new names must not push out what others did.
    fn forget_surplus(&mut self, retained_max: usize) {
        let remembered = self.peers.iter().filter(|(_, record)| !record.is_linked());
        if remembered.clone().count() <= retained_max {
            return;
        }
        let best =
            remembered.max_by_key(|(peer, record)| (record.score(), Reverse(record.forget_at), **peer));
        if let Some(peer) = best.map(|(peer, _)| *peer) {
            self.peers.remove(&peer);
        }
    }

    pub(crate) fn misbehaved(
        &mut self,
        config: &Config,
        now: Time,
        peer: &PeerId,
        misdeed: Misdeed,
        topic: Option<&Topic>,
    ) {
        if let Some(record) = self.peers.get_mut(peer) {
            record.on_misdeed(now, misdeed, topic, config.topics_max);
            record.blame(&config.score, now);
        }
    }

    /// A GRAFT came from a member, or made it one; whether it is the first for this membership.
    pub(crate) fn on_graft(&mut self, config: &Config, peer: &PeerId, topic: &Topic) -> bool {
        let record = self.peers.get_mut(peer).and_then(|record| record.topic_mut(topic, config.topics_max));
        record.is_none_or(|record| record.on_graft())
    }

    /// A whole message for the peer was dropped because it did not read.
    pub(crate) fn on_slow(&mut self, config: &Config, now: Time, peer: &PeerId) {
        if let Some(record) = self.peers.get_mut(peer) {
            record.on_slow();
            record.blame(&config.score, now);
        }
    }

    /// The application's opinion of a linked peer. Of others nothing is remembered.
    pub(crate) fn on_rated(&mut self, config: &Config, now: Time, peer: &PeerId, score: Score) {
        if let Some(record) = self.peers.get_mut(peer).filter(|record| record.is_linked()) {
            record.application = score;
            record.refresh(&config.score, now);
        }
    }

    /// A message was accepted that these peers brought: their shares, in millionths.
    pub(crate) fn on_accepted(
        &mut self,
        config: &Config,
        now: Time,
        (id, topic): (&MessageId, &Topic),
        credits: &[(PeerId, u64)],
    ) {
        if !config.score.enabled {
            return;
        }
        let settings = config.score.of_topic(topic);
        for (peer, millionths) in credits {
            let Some(record) = self.peers.get_mut(peer).filter(|record| record.is_linked()) else { continue };
            record.conduct.on_good(*millionths);
            if let Some(record) = record.topic_mut(topic, config.topics_max) {
                record.on_first(settings, *millionths);
            }
        }
        if settings.expects_deliveries() {
            let until = now + settings.mesh_deliveries.window;
            self.deliveries.insert(id, until, credits.iter().map(|(peer, _)| *peer));
        }
    }

    /// A message came again: in time, it counts as a member's delivery.
    pub(crate) fn on_duplicate(
        &mut self,
        config: &Config,
        now: Time,
        (id, topic): (&MessageId, &Topic),
        peer: PeerId,
    ) {
        if let Some(record) = self.peers.get_mut(&peer)
            && self.deliveries.credit(id, peer, now)
            && let Some(record) = record.topic_mut(topic, config.topics_max)
        {
            record.on_mesh_delivery(config.score.of_topic(topic), super::ONE);
        }
    }

    /// Fades the counts, looks at the meshes and makes the scores. Gives the links of peers to be dropped.
    pub(crate) fn heartbeat(
        &mut self,
        config: &Config,
        now: Time,
        links: &Links,
        mesh: &Mesh,
    ) -> Vec<LinkId> {
        let settings = &config.score;
        self.convicted.expire(now);
        if !settings.enabled {
            return Vec::new();
        }
        self.refused.expire(now);
        self.deliveries.expire(now);
        self.peers.retain(|_, record| record.forget_at.is_none_or(|at| at > now));
        let steps = self.steps(settings, now);
        self.note_members(config, now, links, mesh);
        let mut dropped = Vec::new();
        for (id, link) in links.iter() {
            let Some(record) = self.peers.get_mut(&link.peer) else { continue };
            (0..steps).for_each(|_| record.fade(settings));
            record.conduct.measured(link.rtt);
            note_outsider(record, config, now, mesh, id);
            record.set_crowd(settings, self.addresses.peers(record.address));
            record.refresh(settings, now);
            let reputation = &settings.reputation;
            let unreliable =
                record.conduct.is_observed(reputation) && record.reputation() < reputation.drop_below;
            if unreliable && !link.direct {
                record.conduct.forget();
                self.refused.insert(link.peer, now + reputation.refuse_for);
                dropped.push(id);
            }
        }
        dropped
    }

    /// Who is in which mesh.
    fn note_members(&mut self, config: &Config, now: Time, links: &Links, mesh: &Mesh) {
        for topic in mesh.topics() {
            let settings = config.score.of_topic(topic);
            for peer in mesh.members(topic).iter().filter_map(|link| links.peer(*link)) {
                if let Some(record) = self.peers.get_mut(&peer)
                    && let Some(record) = record.topic_mut(topic, config.topics_max)
                {
                    record.set_in_mesh(settings, now, true);
                }
            }
        }
    }

    /// How many steps of fading are due.
    fn steps(&mut self, settings: &ScoreSettings, now: Time) -> u32 {
        let interval = settings.decay_interval;
        let due = now.since(self.faded_at).as_nanos() / interval.as_nanos();
        if due > STEPS_MAX {
            self.faded_at = now;
            return STEPS_MAX as u32;
        }
        self.faded_at = self.faded_at + interval * due as u32;
        due as u32
    }

    /// Everyone that is known, in order.
    pub(crate) fn all<'a>(&'a self, settings: &'a ScoreSettings) -> impl Iterator<Item = PeerScore> + 'a {
        self.peers.iter().map(|(peer, record)| record.describe(settings, *peer))
    }

    /// What is known of one peer.
    pub(crate) fn of(&self, settings: &ScoreSettings, peer: &PeerId) -> Option<PeerScore> {
        self.peers.get(peer).map(|record| record.describe(settings, *peer))
    }

    pub(crate) fn check(&self, config: &Config, links: &Links) -> Result<(), Broken> {
        let linked = self.peers.values().filter(|record| record.is_linked()).count();
        let expected = if config.score.enabled { links.iter().count() } else { 0 };
        let known =
            links.iter().all(|(_, link)| !config.score.enabled || self.peers.contains_key(&link.peer));
        let bounded = self.peers.len() - linked <= config.score.retained_max
            && self.refused.is_bounded()
            && self.convicted.is_bounded()
            && self.deliveries.is_bounded()
            && self.peers.values().all(|record| record.topics.len() <= config.topics_max);
        ensure(linked == expected && known && bounded, Rule::R1, || {
            format!("{linked} linked of {} records", self.peers.len())
        })?;
        let addresses: Addresses = self.peers.values().filter_map(|record| record.address).collect();
        ensure(addresses == self.addresses, Rule::R2, || format!("{:?}, not {addresses:?}", self.addresses))
    }
}

/// In which meshes a peer is no longer.
fn note_outsider(record: &mut Record, config: &Config, now: Time, mesh: &Mesh, link: LinkId) {
    for (topic, record) in &mut record.topics {
        if !mesh.is_joined(topic) {
            record.topic_left();
        } else if !mesh.contains(topic, link) {
            record.set_in_mesh(config.score.of_topic(topic), now, false);
        }
    }
    record.topics.retain(|_, record| !record.is_blank());
}
