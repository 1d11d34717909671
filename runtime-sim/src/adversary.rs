//! Nodes that do not keep to the protocol, as data.
//!
//! An adversary runs the honest core and alters what leaves it; so it looks like a good neighbour for as long as it
//! wants to.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::{Control, IHave, Message, Rpc};
use braidcast_protocol::{Action, LinkId, MessageId, PeerId, SendClass, Topic};
use bytes::Bytes;

use crate::Network;
use crate::drive::Happening;
use crate::host::link_id;
use crate::rng::{Concern, Draws};

/// What a node does instead of its part. Shares are parts per million.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adversary {
    /// Sends nothing at all; others see a peer that joins no topic.
    Silent,
    /// Joins, reports and asks, but never sends data.
    Leech,
    /// Drops a share of its data frames.
    Dropping {
        /// How many.
        ppm: u32,
    },
    /// Sends garbage in place of a share of its shards.
    Polluter {
        /// How many.
        ppm: u32,
    },
    /// Sends each data frame again.
    Replaying {
        /// How often.
        copies: u32,
    },
    /// Sends senseless frames to all its links, over and over.
    Flooder {
        /// What kind.
        what: Flood,
        /// Frames to each link in a second; 0 is taken as 1.
        per_second: u32,
        /// Entries in each frame.
        entries: u32,
    },
}

/// Kinds of senseless frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flood {
    /// Promises of messages that do not exist.
    IHave,
    /// Requests for messages, whether held or not.
    IWant,
    /// Joins of a mesh, whether a member or pruned.
    Graft,
    /// Messages of 1000 bytes with signatures that their publishers never made.
    Forged,
    /// Messages of 1000 bytes that the node publishes itself, as it may.
    Spam,
}

/// An adversary at work.
pub(crate) struct Attack {
    pub(crate) adversary: Adversary,
    draws: Draws,
    /// Ids and messages made up so far.
    promised: u64,
    /// Tells it from earlier ones of the same node, whose next flood may still be scheduled.
    round: u32,
}

impl Attack {
    fn hits(&mut self, ppm: u32) -> bool {
        self.draws.below(1_000_000) < u64::from(ppm)
    }

    /// How often a frame leaves the node; alters it where the adversary would.
    pub(crate) fn on_send(&mut self, class: SendClass, rpc: &mut Rpc) -> u32 {
        let data = class != SendClass::Control;
        match self.adversary {
            Adversary::Silent => 0,
            Adversary::Leech if data => 0,
            Adversary::Dropping { ppm } if data => u32::from(!self.hits(ppm)),
            Adversary::Replaying { copies } if data => 1 + copies,
            Adversary::Polluter { ppm } => {
                for shard in &mut rpc.coded.shards {
                    if self.hits(ppm) {
                        shard.body = shard.body.iter().map(|byte| byte ^ 0x5a).collect::<Bytes>();
                    }
                }
                1
            }
            Adversary::Leech
            | Adversary::Dropping { .. }
            | Adversary::Replaying { .. }
            | Adversary::Flooder { .. } => 1,
        }
    }

    fn promise(&mut self, count: u32) -> Vec<MessageId> {
        self.numbers(count).map(|id| MessageId::from_bytes(&id.to_be_bytes())).collect()
    }

    /// Numbers that were not used yet.
    fn numbers(&mut self, count: u32) -> Range<u64> {
        let numbers = self.promised..self.promised + u64::from(count);
        self.promised = numbers.end;
        numbers
    }
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.adversary.fmt(f)
    }
}

impl Network {
    /// Turns a node into an adversary from now on, or back.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn set_adversary(&mut self, node: usize, adversary: Option<Adversary>) {
        let draws = Draws::new(&self.seed, Concern::Adversary(node as u32));
        self.attacks += 1;
        let round = self.attacks;
        let attack = adversary.map(|adversary| Box::new(Attack { adversary, draws, promised: 0, round }));
        self.hosts[node].attack = attack;
        if matches!(adversary, Some(Adversary::Flooder { .. })) {
            self.queue.push(self.now, Happening::Flood { node: node as u32, round });
        }
    }

    pub(crate) fn on_flood(&mut self, index: u32, round: u32) {
        let host = &self.hosts[index as usize];
        let attack = host.attack.as_ref().filter(|attack| attack.round == round);
        let Some(Adversary::Flooder { what, per_second, entries }) = attack.map(|attack| attack.adversary)
        else {
            return;
        };
        let pause = Duration::from_secs(1) / per_second.max(1);
        self.queue.push(self.now + pause, Happening::Flood { node: index, round });
        if what == Flood::Spam {
            return self.spam(index, entries);
        }
        let nodes = self.hosts.len();
        let links: Vec<LinkId> = match host.node {
            Some(_) => host.links.iter().map(|link| link_id(link.peer, link.generation, nodes)).collect(),
            None => Vec::new(),
        };
        for link in links {
            let rpc = self.senseless(index, what, entries);
            let class = if rpc.publish.is_empty() { SendClass::Control } else { SendClass::Data };
            self.act(index, Action::Send { link, class, rpc });
        }
        self.start_line(index);
    }

    /// Publishes through the node's core, so that the messages go the way of all others.
    fn spam(&mut self, index: u32, entries: u32) {
        let topics = self.hosts[index as usize].topics.clone();
        let attack = self.host_mut(index).attack.as_mut();
        let numbers = attack.map(|attack| attack.numbers(entries)).unwrap_or_default();
        for (number, topic) in numbers.zip(topics.iter().cycle()) {
            let mut data = vec![index as u8; SENSELESS_BYTES];
            data[..12].copy_from_slice(&[&index.to_be_bytes()[..], &number.to_be_bytes()[..]].concat());
            // What its own core has no room for is lost to nobody.
            let _backlog = self.publish(index as usize, topic, data.into());
        }
    }

    fn senseless(&mut self, index: u32, what: Flood, entries: u32) -> Rpc {
        let topics = self.hosts[index as usize].topics.clone();
        let mut control = Control::default();
        let mut publish = Vec::new();
        match what {
            Flood::IHave => {
                let attack = self.host_mut(index).attack.as_mut();
                let ids = attack.map(|attack| attack.promise(entries)).unwrap_or_default();
                control.ihave = topics.into_iter().map(|topic| IHave { topic, ids: ids.clone() }).collect();
            }
            Flood::IWant => {
                let known: Vec<MessageId> = self.record.iter().map(|(id, _)| id.clone()).collect();
                control.iwant = known.into_iter().cycle().take(entries as usize).collect();
            }
            Flood::Graft => control.graft = topics.into_iter().cycle().take(entries as usize).collect(),
            Flood::Spam => {}
            Flood::Forged => {
                let publisher = self.hosts[index as usize].peer;
                let attack = self.host_mut(index).attack.as_mut();
                let numbers = attack.map(|attack| attack.numbers(entries)).unwrap_or_default();
                let topics = topics.iter().cycle();
                publish = numbers.zip(topics).map(|(seqno, topic)| forged(publisher, seqno, topic)).collect();
            }
        }
        Rpc { control, publish, ..Rpc::default() }
    }
}

/// A message whose signature is not the publisher's.
fn forged(publisher: PeerId, seqno: u64, topic: &Topic) -> Arc<Message> {
    let data = Bytes::from(vec![seqno as u8; SENSELESS_BYTES]);
    let signature = Bytes::from_static(&[0; 64]);
    Arc::new(Message {
        publisher: Some(publisher),
        seqno: Some(seqno),
        topic: topic.clone(),
        data,
        signature,
        key: Bytes::new(),
    })
}

/// Length of messages that are made up.
const SENSELESS_BYTES: usize = 1000;
