//! The driver: carries events to nodes and their actions to the world.
//!
//! Order within one event: the node handles it, its actions are taken in order, its line is started, its
//! wake-up is armed, its invariants are checked. Invariant D1: a host's links are exactly those that its node
//! was told are up, or will be as soon as it has handled earlier inputs. D2: frames of one class on one link arrive
//! in the order in which they were sent.

use std::time::Duration;

use braidcast_protocol::recording::Input as Recorded;
use braidcast_protocol::rpc::{MessageHead, Rpc};
use braidcast_protocol::{DownCause, Event, LinkId, Origin, Tally};

use crate::frames::FrameKey;
use crate::host::link_id;
use crate::{Network, ShardArrival, Violation, fold};

/// Something that the queue holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    Start {
        node: u32,
        life: u32,
    },
    LinkUp {
        node: u32,
        peer: u32,
        generation: u32,
        origin: Origin,
    },
    LinkDown {
        node: u32,
        peer: u32,
        generation: u32,
        cause: DownCause,
    },
    Arrive(FrameKey),
    Received(FrameKey),
    /// The first bytes of a long frame are there. The number's low half tells whether it is still that frame.
    Begins {
        frame: FrameKey,
        number: u32,
    },
    LineFree {
        node: u32,
        life: u32,
    },
    TransferEnd {
        transfer: u32,
        version: u32,
    },
    Acknowledged {
        from: u32,
        to: u32,
        generation: u32,
    },
    Processed {
        node: u32,
        life: u32,
    },
    Made {
        node: u32,
        life: u32,
    },
    Wake {
        node: u32,
    },
    /// A node that dropped what it should have sent can send more.
    Room {
        node: u32,
        peer: u32,
        generation: u32,
    },
    Fault {
        number: u32,
    },
    Churn {
        node: u32,
        churn: u32,
    },
    CutNoticed {
        heals: u32,
    },
    Flood {
        node: u32,
        round: u32,
    },
}

const _: () = assert!(size_of::<Happening>() <= 16, "the queue holds millions of them");

/// Something that a node is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    Frame(FrameKey),
    /// As in [`Happening::Begins`].
    Begins {
        frame: FrameKey,
        number: u32,
    },
    /// `replaced`: an earlier connection of which the node may not know yet that it is gone.
    LinkUp {
        peer: u32,
        generation: u32,
        origin: Origin,
        replaced: Option<u32>,
    },
    LinkDown {
        peer: u32,
        generation: u32,
        cause: DownCause,
    },
    Room {
        peer: u32,
        generation: u32,
    },
    Wake,
}

impl Network {
    pub(crate) fn happen(&mut self, what: Happening) {
        match what {
            Happening::Start { node, life } => self.on_start(node, life),
            Happening::LinkUp { node, peer, generation, origin } => {
                self.on_link_up(node, peer, generation, origin);
            }
            Happening::LinkDown { node, peer, generation, cause } => {
                self.tell(node, Input::LinkDown { peer, generation, cause }, Duration::ZERO);
            }
            Happening::Arrive(frame) => self.on_arrive(frame),
            Happening::Begins { frame, number } => self.on_begins(frame, number),
            Happening::Received(frame) => self.on_off_downlink(frame),
            Happening::LineFree { node, life } => self.on_line_free(node, life),
            Happening::TransferEnd { transfer, version } => self.on_transfer_end(transfer, version),
            Happening::Acknowledged { from, to, generation } => self.on_acknowledged(from, to, generation),
            Happening::Processed { node, life } => self.on_processed(node, life),
            Happening::Made { node, life } => self.on_made(node, life),
            Happening::Wake { node } => self.on_wake(node),
            Happening::Room { node, peer, generation } => {
                self.tell(node, Input::Room { peer, generation }, Duration::ZERO);
            }
            Happening::Fault { number } => self.on_fault(number),
            Happening::Churn { node, churn } => self.on_churn(node, churn),
            Happening::CutNoticed { heals } => self.on_cut_noticed(heals),
            Happening::Flood { node, round } => self.on_flood(node, round),
        }
    }

    fn on_start(&mut self, index: u32, life: u32) {
        let now = self.now;
        let host = &mut self.hosts[index as usize];
        if host.life != life || host.node.is_some() {
            return;
        }
        let seed = host.boot(index, &self.seed, now);
        self.changes += 1;
        if let Some(recorder) = &mut self.recorder {
            recorder.born(index, host.peer, seed, host.clock.shows(now));
        }
        let (topics, neighbours) = (host.topics.clone(), host.neighbours.clone());
        for topic in topics {
            // The topic was accepted by this node's configuration before.
            let _already_checked = self.subscribe_now(index, &topic);
        }
        for neighbour in neighbours {
            self.link_neighbours(index, neighbour);
        }
    }

    /// Tells a node something, at once or when its processor comes to it.
    pub(crate) fn tell(&mut self, index: u32, input: Input, price: Duration) {
        let now = self.now;
        let host = &mut self.hosts[index as usize];
        if price.is_zero() && host.processor.is_idle(now) {
            return self.on_input(index, input);
        }
        let at = host.processor.take_in(now, input, price, &mut self.machine);
        let life = host.life;
        self.queue.push(at, Happening::Processed { node: index, life });
    }

    fn on_processed(&mut self, index: u32, life: u32) {
        let now = self.now;
        let host = self.host_mut(index);
        if host.life != life {
            return;
        }
        match host.processor.next_input(now) {
            Ok(Some(input)) => self.on_input(index, input),
            Ok(None) => {}
            Err(until) => self.queue.push(until, Happening::Processed { node: index, life }),
        }
    }

    fn on_input(&mut self, index: u32, input: Input) {
        match input {
            Input::Frame(frame) => self.on_frame(index, frame),
            Input::Begins { frame, number } => self.tell_head(index, frame, number),
            Input::LinkUp { peer, generation, origin, replaced } => {
                self.tell_link_up(index, peer, generation, origin, replaced);
            }
            Input::LinkDown { peer, generation, cause } => self.on_link_down(index, peer, generation, cause),
            Input::Room { peer, generation } => self.offer_room(index, peer, generation),
            Input::Wake => self.wake(index),
        }
    }

    fn on_frame(&mut self, index: u32, key: FrameKey) {
        let frame = self.frames.take(key);
        if self.host_mut(index).link_mut(frame.from, frame.generation).is_none() {
            return;
        }
        let link = link_id(frame.from, frame.generation, self.hosts.len());
        let (from, body_bytes) = (frame.from, frame.rpc.body_bytes() as u64);
        let message = if body_bytes > 0 { self.record.on_arrival(from, index, &frame.rpc) } else { None };
        let event = if self.world.codec {
            self.through_codec(index, frame.from, link, frame.rpc)
        } else {
            Event::Received { link, rpc: frame.rpc }
        };
        let tally = self.input(index, event, frame.number);
        self.host_mut(index).stats.count_bodies(tally, body_bytes);
        if let Some(message) = message {
            let useful = tally.useless_shards + tally.invalid_shards + tally.duplicate_messages == 0;
            self.record.log_arrival(message, ShardArrival { at: self.now, from, to: index, useful });
        }
    }

    /// Tells a node what the first bytes of a long frame say.
    fn tell_head(&mut self, index: u32, key: FrameKey, number: u32) {
        let Some(frame) = self.frames.find(key, number) else { return };
        let (rpc, link) = (&frame.rpc, link_id(frame.from, frame.generation, self.hosts.len()));
        let head = if self.world.codec {
            let bytes = rpc.encode().into_bytes();
            let limits = self.hosts[index as usize].config.limits();
            MessageHead::decode(&bytes[..bytes.len().min(MessageHead::BYTES_MAX)], &limits)
        } else {
            MessageHead::of(rpc)
        };
        if let Some(head) = head {
            self.input(index, Event::Arriving { link, head }, 0);
        }
    }

    fn through_codec(&mut self, index: u32, from: u32, link: LinkId, rpc: Rpc) -> Event {
        let limits = self.hosts[index as usize].config.limits();
        match Rpc::decode(rpc.encode().into_bytes(), &limits) {
            Ok(decoded) => {
                if decoded != rpc {
                    self.fail(from, Violation::Codec { to: index as usize, fault: None });
                }
                Event::Received { link, rpc: decoded }
            }
            Err(fault) => {
                let sender = &self.hosts[from as usize];
                if sender.tamper.is_none() && sender.attack.is_none() {
                    self.fail(from, Violation::Codec { to: index as usize, fault: Some(fault.clone()) });
                }
                Event::Malformed { link, fault }
            }
        }
    }

    fn on_wake(&mut self, index: u32) {
        let now = self.now;
        let host = &mut self.hosts[index as usize];
        if host.armed == Some(now) {
            host.armed = None;
            self.tell(index, Input::Wake, Duration::ZERO);
        }
    }

    fn wake(&mut self, index: u32) {
        let now = self.now;
        let host = &mut self.hosts[index as usize];
        let local = host.clock.shows(now);
        let next = host.node.as_ref().and_then(|node| node.next_deadline());
        if next.is_none_or(|next| next.at > local) {
            return self.arm(index);
        }
        let (last, count) = host.wakes;
        host.wakes = (now, if last == now { count + 1 } else { 1 });
        if host.wakes.1 > WAKES_MAX {
            return self.fail(index, Violation::Restless { max: WAKES_MAX });
        }
        self.input(index, Event::Wake, 0);
        self.check_held(index);
        self.note_scores(index);
    }

    /// Asks a node what it holds.
    fn check_held(&mut self, index: u32) {
        let bytes_max = self.world.held_bytes_max;
        let host = self.host_mut(index);
        let bytes = host.node.as_ref().map_or(0, |node| node.held().bytes());
        host.stats.held_bytes_max = host.stats.held_bytes_max.max(bytes as u64);
        if let Some(bytes_max) = bytes_max.filter(|max| bytes > *max) {
            self.fail(index, Violation::Memory { bytes, bytes_max });
        }
    }

    /// Gives a node an event, and the world what it decides. `frame`: the number of the frame that came, if so. Gives
    /// what became of its bodies.
    pub(crate) fn input(&mut self, index: u32, event: Event, frame: u64) -> Tally {
        let host = &mut self.hosts[index as usize];
        let Some(node) = &mut host.node else { return Tally::default() };
        let local = host.clock.shows(self.now);
        self.trace.begin(Some(index), self.now, || format!("{event:?}"));
        fold::event(&mut self.trace.hash, &event, frame);
        self.events += 1;
        if let Some(recorder) = &mut self.recorder {
            recorder.note(index, local, || Recorded::Event(Box::new(event.clone())));
        }
        node.handle(local, event, &mut self.actions);
        self.settle(index)
    }
}

/// Wake-ups of a node at one instant before it counts as spinning.
const WAKES_MAX: u32 = 100;
