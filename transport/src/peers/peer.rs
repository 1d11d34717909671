//! One peer: its connections, the stream we send on and the reader of the stream it sends on.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use tokio::{
    sync::{Semaphore, watch},
    task::AbortHandle,
};

use super::Sizes;
use crate::{DownCause, Event, LinkId, Origin, inbox::EventSender, pump::Inlet, queue::SendQueue};

pub(super) struct Peer {
    pub(super) connections: Vec<Connection>,
    pub(super) outbound: Outbound,
    pub(super) up: watch::Sender<Option<LinkId>>,
    pub(super) inlet: Inlet,
    pub(super) reader: Option<Reader>,
    pub(super) readers_made: u64,
    /// The link that was up last, while the peer has been connected.
    pub(super) last: Option<LinkId>,
    /// Its latest signed record.
    pub(super) record: Option<Bytes>,
    /// We are closing all connections.
    pub(super) doomed: bool,
}

pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) origin: Origin,
    pub(super) address: Multiaddr,
    /// Streams we asked for so far.
    pub(super) opens: u32,
    /// Whether another stream could ever succeed.
    pub(super) usable: bool,
    /// The peer has opened a stream.
    pub(super) read: bool,
}

pub(super) struct Reader {
    pub(super) number: u64,
    pub(super) connection: ConnectionId,
    pub(super) task: AbortHandle,
}

/// The stream we send on.
pub(super) enum Outbound {
    None,
    Opening(ConnectionId),
    /// A pause is running, after which another stream is tried.
    Pausing(ConnectionId),
    Up(ConnectionId, Arc<SendQueue>),
    /// The stream failed; not yet reported, since the end of the connection may explain it.
    Failed(ConnectionId, Arc<SendQueue>, DownCause),
    /// All connections are gone, but the reader still holds frames that arrived before.
    Lingering(Arc<SendQueue>, DownCause),
}

impl Peer {
    pub(super) fn new(events: &EventSender, sizes: Sizes) -> Self {
        let (up, link) = watch::channel(None);
        let budget_bytes = sizes.receive_window_bytes;
        let budget = Arc::new(Semaphore::new(budget_bytes));
        Self {
            connections: Vec::new(),
            outbound: Outbound::None,
            up,
            inlet: Inlet { link, budget, budget_bytes, events: events.clone() },
            reader: None,
            readers_made: 0,
            last: None,
            record: None,
            doomed: false,
        }
    }

    /// Tells the consumer the peer's record, once there are a record and a link.
    pub(super) fn report_record(&self, events: &EventSender) {
        if let (Outbound::Up(_, queue), Some(record)) = (&self.outbound, &self.record) {
            events.fact(Event::PeerRecord { link: queue.link(), record: record.clone() });
        }
    }

    /// Tells the consumer that the link is down; nothing of it comes after that.
    pub(super) fn report_down(
        &self,
        links: &Links,
        events: &EventSender,
        queue: Arc<SendQueue>,
        cause: DownCause,
    ) {
        let link = queue.link();
        queue.close(cause.clone());
        links.remove(link);
        self.up.send_modify(|up| {
            *up = None;
            events.down(Event::LinkDown { link, cause }, queue);
        });
    }

    /// The connection can never carry a link.
    pub(super) fn give_up(&mut self, id: ConnectionId, events: &EventSender, peer: PeerId) {
        let Some(connection) = self.connections.iter_mut().find(|c| c.id == id) else { return };
        connection.usable = false;
        if connection.origin == Origin::Dialed {
            events.fact(Event::DialFailed {
                peer: Some(peer),
                addresses: vec![connection.address.clone()],
                reason: "the peer speaks none of our protocols".to_owned(),
            });
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.task.abort();
        }
    }
}

impl Outbound {
    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        match self {
            Self::Opening(id) | Self::Pausing(id) | Self::Up(id, _) | Self::Failed(id, _, _) => {
                *id == connection
            }
            Self::None | Self::Lingering(..) => false,
        }
    }
}

/// The links that are up, by id: what the handle sends on.
#[derive(Default)]
pub(crate) struct Links(RwLock<HashMap<LinkId, Arc<SendQueue>>>);

impl Links {
    pub(crate) fn find(&self, link: LinkId) -> Option<Arc<SendQueue>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&link).cloned()
    }

    pub(super) fn add(&self, queue: &Arc<SendQueue>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(queue.link(), Arc::clone(queue));
    }

    pub(super) fn remove(&self, link: LinkId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&link);
    }
}
