//! The loop between the core and the world: one task, no protocol decisions.
//!
//! D1: each input is followed by all of its actions before the next input is taken. D2: time and entropy enter
//! the core here and nowhere else. D3: nothing here waits for a listener or a peer: what does not fit is
//! dropped and counted by the queue in question.

mod clock;
mod commands;
mod dial;
mod links;
mod listeners;
mod redial;
mod stop;
mod told;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use braidcast_protocol::rpc::{Limits, MessageHead, Rpc};
use braidcast_protocol::{
    Action, Actions, Agent, CloseReason, Config, Event, LinkId, Node as Core, Origin, PeerId, Protocol, Seed,
    SendClass,
};
use braidcast_transport as transport;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::clock::{Alarm, Clock};
use self::commands::Waiting;
use self::links::{Link, Links, down_cause, link_id, rpc_fault};
use self::listeners::Listeners;
use self::redial::Redial;
use crate::handle::{Command, Message};
use crate::identity::{Identity, core_peer_id};
use crate::queue::QueueBounds;
use crate::snapshot::Counters;

/// A node's core before it has a transport: the transport needs to know the core's limits.
#[derive(Debug)]
pub(crate) struct Heart {
    config: Arc<Config>,
    core: Core,
    clock: Clock,
    me: PeerId,
}

impl Heart {
    pub(crate) fn new(config: Config, identity: &Identity, seed: Seed) -> Self {
        let (config, clock, me) = (Arc::new(config), Clock::start(), identity.peer_id());
        let core = Core::new(Arc::clone(&config), me, Arc::new(identity.keys()), seed, clock.now());
        Self { config, core, clock, me }
    }

    /// What frames may hold.
    pub(crate) fn limits(&self) -> Limits {
        self.core.limits()
    }
}

/// A node with all that it drives.
pub(crate) struct Driver {
    config: Arc<Config>,
    core: Core,
    clock: Clock,
    alarm: Alarm,
    me: PeerId,
    limits: Limits,
    out: Actions,
    transport: transport::Transport,
    /// What `room` says of a link on which nothing is queued.
    send_window_bytes: usize,
    links: Links,
    redial: Redial,
    listeners: Listeners,
    counters: Counters,
    /// Messages that the core does not take yet, in the order of their publishing.
    waiting: VecDeque<Waiting>,
}

impl Driver {
    pub(crate) fn new(
        heart: Heart,
        transport: transport::Transport,
        send_window_bytes: usize,
        bounds: QueueBounds,
    ) -> Self {
        let Heart { config, core, clock, me } = heart;
        Self {
            limits: core.limits(),
            config,
            core,
            clock,
            alarm: Alarm::new(clock),
            me,
            out: Actions::new(),
            transport,
            send_window_bytes,
            links: Links::default(),
            redial: Redial::new(),
            listeners: Listeners::new(bounds),
            counters: Counters::default(),
            waiting: VecDeque::new(),
        }
    }

    /// Runs the node until it is told to stop, or no handle of it is left.
    pub(crate) async fn run(
        mut self,
        mut events: transport::EventReceiver,
        mut commands: mpsc::Receiver<Command>,
    ) {
        loop {
            self.publish_waiting();
            self.set_alarm();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.on_event(event),
                    None => {
                        tracing::error!("the transport has stopped by itself");
                        return;
                    }
                },
                command = commands.recv() => match command {
                    Some(command) => match self.on_command(command) {
                        ControlFlow::Continue(()) => {}
                        ControlFlow::Break(stop) => return self.stop(events, commands, stop).await,
                    },
                    None => return,
                },
                () = self.alarm.ring() => self.input(Event::Wake),
                () = sleep_until(self.redial.due()) => self.redial(),
            }
        }
    }

    fn set_alarm(&mut self) {
        self.alarm.set(self.core.next_deadline().map(|deadline| deadline.at));
    }

    /// Gives the core a fact and does what it says.
    fn input(&mut self, event: Event) {
        self.core.handle(self.clock.now(), event, &mut self.out);
        self.perform();
    }

    /// Does what the core has decided, in its order.
    fn perform(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        for action in out.drain() {
            match action {
                Action::Send { link, class, rpc } => self.send(link, class, &rpc),
                Action::Deliver { topic, message, payload, via } => {
                    self.counters.delivered += 1;
                    let payload = detached(payload);
                    self.listeners.deliver(Message::new(topic, message, via, payload));
                }
                Action::Dial { peer, hint } => self.dial(peer, hint),
                Action::Close { link, reason } => self.close(link, reason),
            }
        }
        out.drain_traces().for_each(|trace| self.listeners.trace(trace));
        out.set_tracing(self.listeners.tracing());
        // Given back for its buffers.
        self.out = out;
    }

    fn send(&mut self, link: LinkId, class: SendClass, rpc: &Rpc) {
        let Some(Link { handle, .. }) = self.links.find(link) else { return };
        let class = match class {
            SendClass::Control => transport::Class::Control,
            SendClass::Data => transport::Class::Data,
            SendClass::Shards => transport::Class::Unordered,
        };
        let frame = rpc.encode();
        let bytes = frame.len();
        match self.transport.send(*handle, class, frame.into_chunks().into_vec()) {
            Ok(()) => {
                self.counters.frames_sent += 1;
                self.counters.bytes_sent += bytes as u64;
            }
            // The link's end is on its way to us.
            Err(
                error @ (transport::SendError::Closed { .. } | transport::SendError::ControlOverflow { .. }),
            ) => {
                tracing::debug!(%error, bytes, "frame not sent");
            }
            // The core has sent more than it was told there was room for.
            Err(error @ transport::SendError::Full { .. }) => tracing::warn!(%error, bytes, "frame lost"),
        }
    }

    fn close(&self, link: LinkId, reason: CloseReason) {
        let Some(Link { handle, .. }) = self.links.find(link) else { return };
        let reason = match reason {
            CloseReason::Malformed => "malformed frame",
            CloseReason::Reputation => "low reputation",
        };
        self.transport.close(*handle, reason);
    }

    fn on_event(&mut self, event: transport::Event) {
        match event {
            transport::Event::LinkUp { link, peer, origin, protocol, address, continues } => {
                let told =
                    continues.map(|earlier| self.links.take_told(link_id(earlier))).unwrap_or_default();
                self.on_link_up(origin, &protocol, Link { handle: link, peer, address, told });
            }
            transport::Event::LinkDown { link, cause } => {
                tracing::debug!(%link, %cause, "link down");
                let link = link_id(link);
                if self.links.down(link) {
                    self.input(Event::LinkDown { link, cause: down_cause(&cause) });
                    self.redial.on_lost(Instant::now());
                }
            }
            transport::Event::Frame { link, bytes } => self.on_frame(link_id(link), bytes),
            transport::Event::FrameStart { link, bytes } => {
                if let Some(head) = MessageHead::decode(&bytes, &self.limits) {
                    self.input(Event::Arriving { link: link_id(link), head });
                }
            }
            transport::Event::Malformed { link, fault } => {
                self.input(Event::Malformed { link: link_id(link), fault: rpc_fault(fault) });
            }
            transport::Event::Writable { link, .. } => {
                // The room now, which may be more than when the event was made.
                let bytes = self.transport.room(link);
                self.input(Event::LinkReady { link: link_id(link), bytes });
            }
            transport::Event::PeerRecord { link, record } => self.on_record(link_id(link), record),
            transport::Event::Stats { link, rtt, lost } => {
                self.input(Event::LinkStats { link: link_id(link), rtt, lost });
            }
            transport::Event::Listening { address } => tracing::debug!(%address, "listening"),
            transport::Event::DialFailed { peer, addresses, reason } => {
                tracing::debug!(?peer, ?addresses, reason, "dial failed");
                if let Some(peer) = peer.and_then(|id| core_peer_id(&id)) {
                    self.redial.on_failed(&peer);
                }
            }
        }
    }

    fn on_link_up(&mut self, origin: transport::Origin, protocol: &str, up: Link) {
        let id = up.peer;
        let (Some(protocol), Some(peer)) = (Protocol::from_id(protocol), core_peer_id(&id)) else {
            // We offer only protocols that the core names, and the transport proves ids of libp2p's own form.
            tracing::error!(peer = %id, protocol, "link that the core has no words for");
            self.transport.close(up.handle, "unknown protocol");
            return;
        };
        let (link, greeting) = (link_id(up.handle), up.told.greeting());
        tracing::debug!(link = link.number(), ?peer, ?protocol, address = %up.address, "link up");
        let origin = match origin {
            transport::Origin::Dialed => {
                // With the peer's id, so that nobody else answers there later.
                let address = up.address.clone().with_p2p(id).unwrap_or_else(|address| address);
                self.links.reached(peer, address);
                Origin::Outbound
            }
            // The port from which a peer dials is not one where it listens.
            transport::Origin::Accepted => Origin::Inbound,
        };
        let agent = Agent { protocol, ip: transport::remote_ip(&up.address) };
        self.links.up(link, up);
        self.input(Event::LinkUp { link, peer, origin, agent });
        if !greeting.is_empty() {
            self.input(Event::Received { link, rpc: greeting });
        }
    }

    fn on_frame(&mut self, link: LinkId, bytes: Bytes) {
        self.counters.frames_received += 1;
        self.counters.bytes_received += bytes.len() as u64;
        match Rpc::decode(bytes, &self.limits) {
            Ok(rpc) => {
                if let Some(up) = self.links.find_mut(link) {
                    up.told.note(&rpc, self.config.topics_max);
                }
                self.input(Event::Received { link, rpc });
            }
            Err(fault) => {
                tracing::debug!(link = link.number(), %fault, "malformed frame");
                self.input(Event::Malformed { link, fault });
            }
        }
    }
}

/// Waits for a time, if there is one. Cancel safe.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A small payload in memory of its own: as a slice it would keep its whole frame for as long as it waits
/// for a slow listener.
fn detached(payload: Bytes) -> Bytes {
    match payload.len() <= DETACHED_BYTES_MAX {
        true => Bytes::copy_from_slice(&payload),
        false => payload,
    }
}

/// Up to here a copy costs less than what a frame around it may hold back.
const DETACHED_BYTES_MAX: usize = 4096;

const _: () = assert!(
    transport::FRAME_START_BYTES == MessageHead::BYTES_MAX
        && transport::FRAME_START_BYTES_MIN == MessageHead::FRAME_BYTES_MIN,
    "the transport shows of a frame what the core looks at"
);
