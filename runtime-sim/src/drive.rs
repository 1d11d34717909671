//! The driver: carries events to nodes and their actions to the world.
//!
//! Order within one event: the node handles it, its actions are taken in order, its line is started, its
//! wake-up is armed, its invariants are checked. Invariant D1: a host's links are exactly those that its node
//! was told are up. D2: frames of one class on one link arrive in the order in which they were sent.

use std::time::Duration;

use braidcast_protocol::rpc::{Limits, Rpc};
use braidcast_protocol::{Action, DownCause, Event, LinkId, Origin, SendClass};

use crate::builder::{Latency, Loss};
use crate::host::{link_id, link_parts};
use crate::stats::{Delivery, DeliveryFault};
use crate::uplink::{Frame, busy_nanos};
use crate::{Network, NodeTrace, Violation, fold};

/// What surrounds the nodes, the same for all of them.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) latency: Latency,
    pub(crate) loss: Loss,
    pub(crate) window_bytes: u64,
    pub(crate) body_scale: u32,
    pub(crate) codec: bool,
    pub(crate) check_invariants: bool,
    pub(crate) drop_frame: Option<u64>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            latency: Latency::Constant(Duration::from_millis(10)),
            loss: Loss { ppm: 0, timeout: Duration::from_millis(200) },
            window_bytes: 64 * 1024,
            body_scale: 1,
            codec: false,
            check_invariants: false,
            drop_frame: None,
        }
    }
}

/// Something that the queue holds.
#[derive(Debug)]
pub(crate) enum Happening {
    Start { node: u32, life: u32 },
    LinkUp { node: u32, peer: u32, generation: u32, origin: Origin },
    LinkDown { node: u32, peer: u32, generation: u32, cause: DownCause },
    Arrive { from: u32, frame: Frame },
    LineFree { node: u32, life: u32 },
    Wake { node: u32 },
}

impl Network {
    pub(crate) fn happen(&mut self, what: Happening) {
        match what {
            Happening::Start { node, life } => self.on_start(node, life),
            Happening::LinkUp { node, peer, generation, origin } => {
                self.on_link_up(node, peer, generation, origin);
            }
            Happening::LinkDown { node, peer, generation, cause } => {
                self.on_link_down(node, peer, generation, cause);
            }
            Happening::Arrive { from, frame } => self.on_arrive(from, frame),
            Happening::LineFree { node, life } => self.on_line_free(node, life),
            Happening::Wake { node } => self.on_wake(node),
        }
    }

    fn on_start(&mut self, index: u32, life: u32) {
        let now = self.now;
        let host = &mut self.hosts[index as usize];
        if host.life != life || host.node.is_some() {
            return;
        }
        host.boot(index, &self.seed, now);
        let (topics, neighbours) = (host.topics.clone(), host.neighbours.clone());
        for topic in topics {
            // The topic was accepted by this node's configuration before.
            let _already_checked = self.subscribe_now(index, &topic);
        }
        for neighbour in neighbours {
            self.link(index, neighbour);
        }
    }

    fn on_arrive(&mut self, from: u32, frame: Frame) {
        let (index, nodes) = (frame.to, self.hosts.len());
        if self.host_mut(index).link_mut(from, frame.generation).is_none() {
            return;
        }
        let link = link_id(from, frame.generation, nodes);
        self.host_mut(index).stats.body_bytes_received += frame.rpc.body_bytes() as u64;
        self.frame = frame.number;
        let event = if self.world.codec {
            self.through_codec(index, from, link, *frame.rpc)
        } else {
            Event::Received { link, rpc: *frame.rpc }
        };
        self.input(index, event);
    }

    fn through_codec(&mut self, index: u32, from: u32, link: LinkId, rpc: Rpc) -> Event {
        let config = &self.hosts[index as usize].config;
        let limits = Limits {
            message_bytes_max: config.message_bytes_max,
            topic_bytes_max: config.topic_bytes_max,
            entries_max: Limits::ENTRIES_MAX,
        };
        match Rpc::decode(rpc.encode().into_bytes(), &limits) {
            Ok(decoded) => {
                if decoded != rpc {
                    self.fail(from, Violation::Codec { to: index as usize, fault: None });
                }
                Event::Received { link, rpc: decoded }
            }
            Err(fault) => {
                if self.hosts[from as usize].tamper.is_none() {
                    self.fail(from, Violation::Codec { to: index as usize, fault: Some(fault.clone()) });
                }
                Event::Malformed { link, fault }
            }
        }
    }

    fn on_line_free(&mut self, index: u32, life: u32) {
        let host = self.host_mut(index);
        if host.life != life {
            return;
        }
        let Some(frame) = host.uplink.finish() else { return };
        host.stats.count_sent(frame.class, frame.bytes);
        self.start_line(index);
        let (peer, generation) = (frame.to, frame.generation);
        if let Some(link) = self.host_mut(index).link_mut(peer, generation) {
            link.queued_bytes -= frame.bytes;
            self.transmit(index, frame);
            self.offer_room(index, peer, generation);
        }
    }

    /// Puts a frame on its way, behind the link's earlier ones.
    fn transmit(&mut self, from: u32, frame: Frame) {
        let mut delay = Duration::ZERO;
        let mut lost = 0;
        while lost < LOSSES_MAX && self.loss.below(1_000_000) < u64::from(self.world.loss.ppm) {
            delay += self.world.loss.timeout * (1 << lost);
            lost += 1;
        }
        let now = self.now;
        let host = self.host_mut(from);
        host.stats.retransmissions += u64::from(lost);
        let Some(link) = host.link_mut(frame.to, frame.generation) else { return };
        let at = link.last_arrival.max(now + Duration::from_nanos(link.latency_nanos) + delay);
        link.last_arrival = at;
        if self.world.drop_frame != Some(frame.number) {
            self.queue.push(at, Happening::Arrive { from, frame });
        }
    }

    fn on_wake(&mut self, index: u32) {
        let now = self.now;
        let host = &mut self.hosts[index as usize];
        if host.armed != Some(now) {
            return;
        }
        host.armed = None;
        let due = host.node.as_ref().and_then(|node| node.next_deadline()).is_some_and(|next| next.at <= now);
        if !due {
            return self.arm(index);
        }
        let (last, count) = host.wakes;
        host.wakes = (now, if last == now { count + 1 } else { 1 });
        if host.wakes.1 > WAKES_MAX {
            return self.fail(index, Violation::Restless { max: WAKES_MAX });
        }
        self.input(index, Event::Wake);
    }

    /// Tells a node how much more of a link's frames the uplink's queue may take.
    pub(crate) fn offer_room(&mut self, index: u32, peer: u32, generation: u32) {
        let (window, scale) = (self.world.window_bytes, u64::from(self.world.body_scale));
        let Some(link) = self.host_mut(index).link_mut(peer, generation) else { return };
        let room = window.saturating_sub(link.queued_bytes).div_ceil(scale);
        if room > 0 {
            let link = link_id(peer, generation, self.hosts.len());
            self.input(index, Event::LinkReady { link, bytes: room as usize });
        }
    }

    /// Gives a node an event, and the world what it decides.
    pub(crate) fn input(&mut self, index: u32, event: Event) {
        let host = &mut self.hosts[index as usize];
        let Some(node) = &mut host.node else { return };
        self.trace.fold_node(index, self.now);
        fold::event(&mut self.trace.hash, &event, self.frame);
        self.events += 1;
        node.handle(self.now, event, &mut self.actions);
        self.settle(index);
    }

    /// Takes a node's actions out and leaves it ready for its next input.
    pub(crate) fn settle(&mut self, index: u32) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain() {
            self.act(index, action);
        }
        let (at, node) = (self.now, index as usize);
        self.traces.extend(actions.drain_traces().map(|what| NodeTrace { at, node, what }));
        self.actions = actions;
        self.start_line(index);
        self.arm(index);
        if self.world.check_invariants
            && let Some(node) = &self.hosts[index as usize].node
            && let Err(broken) = node.check_invariants()
        {
            self.fail(index, Violation::Invariant(broken));
        }
    }

    fn act(&mut self, index: u32, action: Action) {
        fold::action(&mut self.trace.hash, &action);
        match action {
            Action::Send { link, class, rpc } => self.send(index, link, class, rpc),
            Action::Deliver { topic, message, payload, via: _ } => {
                let life = self.hosts[index as usize].life;
                let delivery = Delivery { node: index as usize, life, at: self.now };
                self.trace.fold_delivery(&message.id, &delivery);
                match self.record.deliver(&message.id, &topic, &payload, delivery) {
                    Ok(()) => {}
                    Err(DeliveryFault::Unknown) => self.fail(index, Violation::Unknown(message.id)),
                    Err(DeliveryFault::Altered) => self.fail(index, Violation::Altered(message.id)),
                    Err(DeliveryFault::Repeated) => self.fail(index, Violation::Repeated(message.id)),
                }
            }
            Action::Dial { peer, hint: _ } => {
                if let Some(&other) = self.peers.get(&peer) {
                    self.link(index, other);
                }
            }
            Action::Close { link, reason: _ } => {
                let (peer, generation) = link_parts(link, self.hosts.len());
                if self.host_mut(index).link_mut(peer, generation).is_none() {
                    return self.fail(index, Violation::DeadLink(link));
                }
                self.unlink(index, peer);
            }
        }
    }

    fn send(&mut self, index: u32, link: LinkId, class: SendClass, mut rpc: Rpc) {
        let (to, generation) = link_parts(link, self.hosts.len());
        let (scale, number) = (u64::from(self.world.body_scale), self.frames);
        let host = &mut self.hosts[index as usize];
        if let Some(tamper) = host.tamper {
            tamper(&mut rpc);
        }
        let bytes = frame_bytes(rpc.encoded_len() as u64 + rpc.body_bytes() as u64 * (scale - 1));
        let Some(link_end) = host.link_mut(to, generation) else {
            return self.fail(index, Violation::DeadLink(link));
        };
        link_end.queued_bytes += bytes;
        host.uplink.push(Frame { to, generation, class, bytes, number, rpc: Box::new(rpc) });
        host.stats.queue_bytes_max = host.stats.queue_bytes_max.max(host.uplink.queued_bytes());
        self.frames += 1;
    }

    fn start_line(&mut self, index: u32) {
        let host = &mut self.hosts[index as usize];
        if let Some(bytes) = host.uplink.start_next() {
            let at = self.now + Duration::from_nanos(busy_nanos(bytes, host.bytes_per_s));
            self.queue.push(at, Happening::LineFree { node: index, life: host.life });
        }
    }

    /// Arms the wake-up if it is due before the one that is armed; a later one is armed when that comes.
    fn arm(&mut self, index: u32) {
        let host = &mut self.hosts[index as usize];
        let Some(deadline) = host.node.as_ref().and_then(|node| node.next_deadline()) else { return };
        let at = deadline.at.max(self.now);
        if host.armed.is_none_or(|armed| at < armed) {
            host.armed = Some(at);
            self.queue.push(at, Happening::Wake { node: index });
        }
    }
}

/// A frame with the length before it, as a varint (libp2p's framing).
fn frame_bytes(encoded: u64) -> u64 {
    let bits = u64::from(64 - encoded.leading_zeros()).max(1);
    encoded + bits.div_ceil(7)
}

/// Losses of one frame in a row before the link is kind to it: 200 ms have doubled to 51 s.
const LOSSES_MAX: u32 = 8;

/// Wake-ups of a node at one instant before it counts as spinning.
const WAKES_MAX: u32 = 100;
