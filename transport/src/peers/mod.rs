//! The peers we are connected to, and the one link each of them has at most.
//!
//! Invariants: P1: a peer has an entry while it has a connection or its link lingers. P2: a link
//! is in `Links` while the consumer may send on it. P3: `LinkUp` and `LinkDown` are reported under
//! the lock of the peer's `up` cell, so no frame comes before the one or after the other.

mod peer;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, Stream, swarm::ConnectionId};
use tokio::task::JoinSet;

pub(crate) use self::peer::Links;
use self::peer::{Connection, Outbound, Peer, Reader};

use crate::{
    DownCause, Event, LinkId, Origin,
    bridge::{BridgeEvent, News},
    frame::Deframer,
    frame_pool::FramePool,
    inbox::EventSender,
    pump::{self, ReadEnd},
    queue::SendQueue,
    quic::Connections,
};

/// See the module.
pub(crate) struct Peers {
    sizes: Sizes,
    quic: Connections,
    peers: HashMap<PeerId, Peer>,
    links: Arc<Links>,
    links_made: u32,
    lingering: usize,
    /// Every connection that still comes is closed again.
    draining: bool,
    events: EventSender,
    /// Readers, writers and timers; at most a handful per connection.
    tasks: JoinSet<TaskEnd>,
    requests: VecDeque<Request>,
    /// Memory of frames that come in.
    frames: FramePool,
}

/// The bounds of a link, from the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) frame_bytes_max: usize,
    pub(crate) send_window_bytes: usize,
    pub(crate) receive_window_bytes: usize,
}

/// What the swarm is to do.
#[derive(Debug)]
pub(crate) enum Request {
    Open { peer: PeerId, connection: ConnectionId },
    Disconnect { peer: PeerId },
    Close { connection: ConnectionId },
}

/// A task has ended.
#[derive(Debug)]
pub(crate) enum TaskEnd {
    Writer {
        peer: PeerId,
        link: LinkId,
        cause: DownCause,
    },
    Reader {
        peer: PeerId,
        number: u64,
        end: ReadEnd,
    },
    /// The pause before another stream is tried is over.
    Pause {
        peer: PeerId,
        connection: ConnectionId,
    },
}

impl Peers {
    pub(crate) fn new(sizes: Sizes, quic: Connections, links: Arc<Links>, events: EventSender) -> Self {
        Self {
            sizes,
            quic,
            peers: HashMap::new(),
            links,
            links_made: 0,
            lingering: 0,
            draining: false,
            events,
            tasks: JoinSet::new(),
            requests: VecDeque::new(),
            frames: FramePool::default(),
        }
    }

    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// The next task that ends; never while there are none.
    pub(crate) async fn next_end(&mut self) -> TaskEnd {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(end)) => return end,
                // We aborted it.
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => std::future::pending().await,
            }
        }
    }

    pub(crate) fn on_connected(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        origin: Origin,
        address: Multiaddr,
    ) {
        if self.peers.get(&peer).is_some_and(|p| matches!(p.outbound, Outbound::Lingering(..))) {
            self.finish_lingering(peer);
        }
        let entry = self.peers.entry(peer).or_insert_with(|| Peer::new(&self.events, self.sizes));
        entry.connections.push(Connection { id, origin, address, opens: 0, usable: true, read: false });
        entry.doomed |= self.draining;
        if entry.doomed {
            self.requests.push_back(Request::Close { connection: id });
        } else if matches!(entry.outbound, Outbound::None) {
            self.open(peer);
        }
    }

    pub(crate) fn on_disconnected(&mut self, peer: PeerId, id: ConnectionId, detail: String) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.connections.retain(|c| c.id != id);
        if entry.outbound.is_on(id)
            && let Outbound::Up(_, queue) | Outbound::Failed(_, queue, _) =
                std::mem::replace(&mut entry.outbound, Outbound::None)
        {
            let cause = match queue.cause() {
                // The end of the connection explains the end of the stream.
                None | Some(DownCause::StreamLost { .. }) => DownCause::ConnectionLost { detail },
                Some(cause) => cause,
            };
            queue.close(cause.clone());
            let holds_frames = entry.connections.is_empty() && entry.reader.is_some();
            if holds_frames && self.lingering < LINGERING_MAX {
                self.lingering += 1;
                entry.outbound = Outbound::Lingering(queue, cause);
            } else {
                entry.report_down(&self.links, &self.events, queue, cause);
            }
        }
        self.settle(peer);
    }

    pub(crate) fn on_bridge(&mut self, event: BridgeEvent) {
        let BridgeEvent { peer, connection, news } = event;
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        let asked = matches!(entry.outbound, Outbound::Opening(id) if id == connection);
        match news {
            News::Accepted { stream } => self.read(peer, connection, stream),
            News::Opened { protocol, stream } if asked => {
                self.link_up(peer, connection, protocol.as_ref(), stream);
            }
            News::Unsupported if asked => {
                entry.outbound = Outbound::None;
                entry.give_up(connection, &self.events, peer);
                self.open(peer);
            }
            News::Failed { detail } if asked => {
                tracing::debug!(%peer, %detail, "no outbound stream");
                entry.outbound = Outbound::Pausing(connection);
                self.pause(peer, connection);
            }
            // A wish that was overtaken by the loss of its connection or by the peer's doom.
            News::Opened { .. } | News::Unsupported | News::Failed { .. } => {}
        }
    }

    pub(crate) fn on_end(&mut self, end: TaskEnd) {
        match end {
            TaskEnd::Writer { peer, link, cause } => self.on_writer_end(peer, link, cause),
            TaskEnd::Reader { peer, number, end } => self.on_reader_end(peer, number, end),
            TaskEnd::Pause { peer, connection } => self.on_pause_over(peer, connection),
        }
    }

    /// The peer does not answer on this connection.
    pub(crate) fn on_unresponsive(&mut self, peer: PeerId, connection: ConnectionId) {
        if let Some(Outbound::Up(id, queue)) = self.peers.get(&peer).map(|p| &p.outbound)
            && *id == connection
        {
            queue.close(DownCause::Unresponsive);
        }
        self.requests.push_back(Request::Close { connection });
    }

    /// The peer's signed record came.
    pub(crate) fn on_record(&mut self, peer: PeerId, record: Bytes) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.record = Some(record);
        entry.report_record(&self.events);
    }

    /// The link over this connection, with the connection's address.
    pub(crate) fn link_over(&self, peer: PeerId, connection: ConnectionId) -> Option<(LinkId, &Multiaddr)> {
        let entry = self.peers.get(&peer)?;
        let address = &entry.connections.iter().find(|c| c.id == connection)?.address;
        match &entry.outbound {
            Outbound::Up(id, queue) if *id == connection => Some((queue.link(), address)),
            Outbound::None
            | Outbound::Opening(_)
            | Outbound::Pausing(_)
            | Outbound::Up(..)
            | Outbound::Failed(..)
            | Outbound::Lingering(..) => None,
        }
    }

    /// Lets every link send what is queued and then go down.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        let all: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in all {
            match self.peers.get(&peer).map(|p| &p.outbound) {
                Some(Outbound::Up(_, queue)) => queue.drain(),
                Some(Outbound::Lingering(..)) => self.finish_lingering(peer),
                Some(Outbound::None | Outbound::Opening(_) | Outbound::Pausing(_) | Outbound::Failed(..))
                | None => self.doom(peer, DownCause::Shutdown),
            }
        }
    }

    /// Takes every link down at once.
    pub(crate) fn end(&mut self) {
        for (_, mut entry) in self.peers.drain() {
            let outbound = std::mem::replace(&mut entry.outbound, Outbound::None);
            if let Outbound::Up(_, queue) | Outbound::Failed(_, queue, _) | Outbound::Lingering(queue, _) =
                outbound
            {
                entry.report_down(&self.links, &self.events, queue, DownCause::Shutdown);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    fn on_writer_end(&mut self, peer: PeerId, link: LinkId, cause: DownCause) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        let Outbound::Up(connection, queue) = &entry.outbound else { return };
        if queue.link() != link {
            return;
        }
        let (connection, queue) = (*connection, Arc::clone(queue));
        queue.close(cause.clone());
        match cause {
            DownCause::StreamLost { .. } => {
                entry.outbound = Outbound::Failed(connection, queue, cause);
                self.pause(peer, connection);
            }
            // The connection was closed on its own; its end is on the way.
            DownCause::Unresponsive | DownCause::ConnectionLost { .. } => {}
            DownCause::Closed { .. }
            | DownCause::Shutdown
            | DownCause::Malformed(_)
            | DownCause::ControlOverflow { .. } => self.doom(peer, cause),
        }
    }

    fn on_reader_end(&mut self, peer: PeerId, number: u64, end: ReadEnd) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        if entry.reader.as_ref().is_none_or(|r| r.number != number) {
            return;
        }
        entry.reader = None;
        match end {
            ReadEnd::Malformed(fault) => self.doom(peer, DownCause::Malformed(fault)),
            ReadEnd::Ended if matches!(entry.outbound, Outbound::Lingering(..)) => {
                self.finish_lingering(peer);
            }
            ReadEnd::Ended => {}
        }
    }

    fn on_pause_over(&mut self, peer: PeerId, connection: ConnectionId) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        match &entry.outbound {
            Outbound::Pausing(id) if *id == connection => {}
            Outbound::Failed(id, queue, cause) if *id == connection => {
                entry.report_down(&self.links, &self.events, Arc::clone(queue), cause.clone());
            }
            // Overtaken by the end of the connection.
            Outbound::None
            | Outbound::Opening(_)
            | Outbound::Pausing(_)
            | Outbound::Up(..)
            | Outbound::Failed(..)
            | Outbound::Lingering(..) => return,
        }
        entry.outbound = Outbound::None;
        self.open(peer);
    }

    /// Takes the link down for `cause` and closes all connections.
    fn doom(&mut self, peer: PeerId, cause: DownCause) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.doomed = true;
        match std::mem::replace(&mut entry.outbound, Outbound::None) {
            Outbound::Up(_, queue) | Outbound::Failed(_, queue, _) => {
                entry.report_down(&self.links, &self.events, queue, cause);
            }
            Outbound::Lingering(queue, _) => {
                self.lingering -= 1;
                entry.report_down(&self.links, &self.events, queue, cause);
            }
            Outbound::None | Outbound::Opening(_) | Outbound::Pausing(_) => {}
        }
        self.requests.push_back(Request::Disconnect { peer });
        self.settle(peer);
    }

    fn finish_lingering(&mut self, peer: PeerId) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        if let Outbound::Lingering(queue, cause) = &entry.outbound {
            entry.report_down(&self.links, &self.events, Arc::clone(queue), cause.clone());
            entry.outbound = Outbound::None;
            self.lingering -= 1;
            self.settle(peer);
        }
    }

    /// After a change: forgets a peer that is gone, or finds another connection for its link.
    fn settle(&mut self, peer: PeerId) {
        let Some(entry) = self.peers.get(&peer) else { return };
        if !matches!(entry.outbound, Outbound::None) {
            return;
        }
        if entry.connections.is_empty() {
            self.peers.remove(&peer);
        } else {
            self.open(peer);
        }
    }

    /// Asks for a stream on the first connection that may still give one.
    fn open(&mut self, peer: PeerId) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        if entry.doomed {
            return;
        }
        if let Some(connection) = entry.connections.iter_mut().find(|c| c.usable && c.opens < OPENS_MAX) {
            connection.opens += 1;
            entry.outbound = Outbound::Opening(connection.id);
            self.requests.push_back(Request::Open { peer, connection: connection.id });
        } else if entry.connections.iter().any(|c| c.usable) {
            // Half a link is worth nothing: better begin again from the start.
            entry.doomed = true;
            self.requests.push_back(Request::Disconnect { peer });
        }
    }

    /// Tries again in a while: longer each time on one connection.
    fn pause(&mut self, peer: PeerId, connection: ConnectionId) {
        let opens = self
            .peers
            .get(&peer)
            .and_then(|p| p.connections.iter().find(|c| c.id == connection))
            .map_or(0, |c| c.opens);
        let pause = REOPEN_PAUSE_MIN.saturating_mul(1 << opens.min(OPENS_MAX));
        self.tasks.spawn(async move {
            tokio::time::sleep(pause).await;
            TaskEnd::Pause { peer, connection }
        });
    }

    fn link_up(&mut self, peer: PeerId, connection: ConnectionId, protocol: &str, stream: Stream) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        let Some(over) = entry.connections.iter().find(|c| c.id == connection) else { return };
        let link = LinkId::new(self.links_made);
        self.links_made = self.links_made.checked_add(1).expect("fewer than 2^32 links in a process");
        let queue = Arc::new(SendQueue::new(link, self.sizes.send_window_bytes));
        let event = Event::LinkUp {
            link,
            peer,
            origin: over.origin,
            protocol: protocol.to_owned(),
            address: over.address.clone(),
            continues: entry.last.replace(link),
        };
        self.links.add(&queue);
        entry.up.send_modify(|up| {
            *up = Some(link);
            self.events.fact(event);
            self.events.writable(Arc::clone(&queue));
        });
        // Barriers count the frames of a connection's first stream.
        let side = (over.opens == 1).then(|| self.quic.outbound(peer, &over.address)).flatten();
        entry.outbound = Outbound::Up(connection, Arc::clone(&queue));
        entry.report_record(&self.events);
        let events = self.events.clone();
        self.tasks.spawn(async move {
            let cause = pump::write_link(stream, side, queue, events).await;
            TaskEnd::Writer { peer, link, cause }
        });
    }

    /// Reads from `stream` instead of from an earlier one.
    ///
    /// A peer that gives up a stream for one on a newer connection has lost the older connections, or has itself
    /// been started anew. What we believe to be alive there may not answer for as long as the idle time, so those
    /// connections end now, and the link moves to the new one.
    fn read(&mut self, peer: PeerId, connection: ConnectionId, stream: Stream) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        if entry.doomed {
            return;
        }
        let number = entry.readers_made;
        entry.readers_made += 1;
        let over = entry.connections.iter_mut().find(|c| c.id == connection);
        let side = over.and_then(|over| {
            let first = !std::mem::replace(&mut over.read, true);
            first.then(|| self.quic.inbound(peer, &over.address)).flatten()
        });
        let inlet = entry.inlet.clone();
        let deframer = Deframer::new(self.sizes.frame_bytes_max, self.frames.clone());
        let task = self.tasks.spawn(async move {
            let end = pump::read_link(stream, side, inlet, deframer).await;
            TaskEnd::Reader { peer, number, end }
        });
        let Some(earlier) = entry.reader.replace(Reader { number, connection, task }) else { return };
        earlier.task.abort();
        if earlier.connection != connection {
            let older = entry.connections.iter().take_while(|c| c.id != connection);
            self.requests.extend(older.map(|c| Request::Close { connection: c.id }));
        }
    }
}

/// Streams we ask for on one connection: the first and four more.
const OPENS_MAX: u32 = 5;

/// Half the pause before the second stream on a connection; doubled for each further one.
const REOPEN_PAUSE_MIN: Duration = Duration::from_millis(50);

/// Links without a connection whose last frames are still being handed over.
const LINGERING_MAX: usize = 64;
