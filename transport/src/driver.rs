//! The task that owns the swarm: connections, dials and the ends of links.
//!
//! No frame passes through here. While the consumer is too far behind, the swarm is not polled.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, TcpListener},
    sync::{Arc, RwLock},
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, TransportError,
    core::{ConnectedPoint, transport::ListenerId},
    multiaddr::Protocol,
    ping,
    swarm::{
        ConnectionError, ConnectionId, DialError as SwarmDialError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    Event, Origin, StartError,
    bootstrap::Bootstrap,
    inbox::EventSender,
    peers::{Peers, Request},
    record::RecordEvent,
    stack::{BehaviourEvent, LISTEN_TIMEOUT, Stack},
};

/// What the handle asks for. Dials wait while the consumer is behind; the end does not.
pub(crate) struct Commands {
    pub(crate) dials: mpsc::Receiver<Dial>,
    pub(crate) shutdown: mpsc::Receiver<Shutdown>,
}

/// Whom the handle wants dialed.
#[derive(Debug)]
pub(crate) struct Dial {
    /// `None` takes whoever answers.
    pub(crate) peer: Option<PeerId>,
    /// One at least.
    pub(crate) addresses: Vec<Multiaddr>,
}

/// See the module.
pub(crate) struct Driver {
    pub(crate) stack: Stack,
    pub(crate) peers: Peers,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) events: EventSender,
    pub(crate) commands: Commands,
    pub(crate) listeners: Vec<ListenerId>,
    pub(crate) listening: Arc<RwLock<Vec<Multiaddr>>>,
    /// The dials under way; bounded by the connection limits.
    pub(crate) dials: HashMap<ConnectionId, Vec<Multiaddr>>,
    pub(crate) shutdown: Option<Shutdown>,
}

/// A shutdown under way.
pub(crate) struct Shutdown {
    pub(crate) deadline: Instant,
    pub(crate) done: oneshot::Sender<()>,
}

impl Driver {
    pub(crate) async fn run(mut self) {
        while self.step().await {
            self.serve_peers();
            self.dial_due();
        }
        self.peers.end();
        let (shutdown, sockets) = (self.shutdown.take(), self.stack.sockets.clone());
        drop(self);
        if let Some(Shutdown { deadline, done }) = shutdown {
            let _ = tokio::time::timeout_at(deadline, sockets.close()).await;
            let _ = done.send(());
        }
    }

    /// Listens on all of `addresses` and waits until each is known with its port.
    pub(crate) async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<(), StartError> {
        let mut waiting: HashMap<ListenerId, &Multiaddr> = HashMap::new();
        for address in addresses {
            let refused = |reason| StartError::Listen { address: address.clone(), reason };
            probe_tcp(address).map_err(|error| refused(error.to_string()))?;
            let listener = self.stack.swarm.listen_on(address.clone());
            let id = listener.map_err(|error| {
                refused(match error {
                    TransportError::MultiaddrNotSupported(_) => "not a kind of address we speak".to_owned(),
                    TransportError::Other(error) => error.to_string(),
                })
            })?;
            waiting.insert(id, address);
            self.listeners.push(id);
        }
        let deadline = Instant::now() + LISTEN_TIMEOUT;
        while !waiting.is_empty() {
            let Ok(event) = tokio::time::timeout_at(deadline, self.stack.swarm.select_next_some()).await
            else {
                // A host without a network interface: its addresses may still come.
                break;
            };
            if let SwarmEvent::NewListenAddr { listener_id, .. } = &event {
                waiting.remove(listener_id);
            } else if let SwarmEvent::ListenerClosed { listener_id, reason, .. } = &event
                && let Some(address) = waiting.remove(listener_id)
            {
                let reason = reason.as_ref().err().map_or_else(|| "closed".to_owned(), ToString::to_string);
                return Err(StartError::Listen { address: address.clone(), reason });
            }
            // A peer may be quick enough to be connected already.
            self.on_swarm_event(event);
        }
        Ok(())
    }

    /// Handles the next thing that happens; `false` when that is the end.
    async fn step(&mut self) -> bool {
        if self.shutdown.is_some() && self.peers.is_empty() {
            return false;
        }
        let crowded = self.events.is_crowded();
        let deadline = self.shutdown.as_ref().map(|s| s.deadline);
        let due = self.bootstrap.next_due().filter(|_| deadline.is_none() && !crowded);
        tokio::select! {
            event = self.stack.swarm.select_next_some(), if !crowded => self.on_swarm_event(event),
            end = self.peers.next_end(), if !crowded => self.peers.on_end(end),
            () = self.events.uncrowded(), if crowded => {}
            () = self.events.closed() => return false,
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                return false;
            }
            Some(dial) = self.commands.dials.recv(), if !crowded => self.on_dial(dial),
            command = self.commands.shutdown.recv(), if deadline.is_none() => match command {
                Some(shutdown) => {
                    self.shutdown = Some(shutdown);
                    for id in self.listeners.drain(..) {
                        self.stack.swarm.remove_listener(id);
                    }
                    self.peers.drain();
                }
                // Nobody can ask for a polite end any more.
                None => return false,
            },
        }
        true
    }

    fn on_dial(&mut self, dial: Dial) {
        // Not repeated, so there is nothing to remember.
        let _ = self.dial(dial.peer, dial.addresses);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign and non-exhaustive")]
    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.dials.remove(&connection_id);
                self.bootstrap.on_connected(peer_id, connection_id, Instant::now());
                let (origin, address) = match endpoint {
                    ConnectedPoint::Dialer { address, .. } => (Origin::Dialed, address),
                    ConnectedPoint::Listener { send_back_addr, .. } => (Origin::Accepted, send_back_addr),
                };
                self.peers.on_connected(peer_id, connection_id, origin, address);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, num_established, .. } => {
                let detail = match cause {
                    Some(ConnectionError::IO(error)) => error.to_string(),
                    Some(ConnectionError::KeepAliveTimeout) => "idle".to_owned(),
                    None => "closed".to_owned(),
                };
                self.peers.on_disconnected(peer_id, connection_id, detail);
                if num_established == 0 {
                    self.bootstrap.on_disconnected(peer_id, Instant::now());
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                self.on_dial_error(connection_id, peer_id, &error);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                remember(&self.listening, &address);
                self.events.fact(Event::Listening { address });
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => forget(&self.listening, &address),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                if self.shutdown.is_none() {
                    tracing::warn!(?addresses, ?reason, "listener closed");
                }
                addresses.iter().for_each(|a| forget(&self.listening, a));
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(%send_back_addr, %error, "incoming connection failed");
            }
            // Nothing else changes what we know.
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Bridge(event) => self.peers.on_bridge(event),
            BehaviourEvent::Record(RecordEvent { peer, record }) => self.peers.on_record(peer, record),
            BehaviourEvent::Identify => {}
            BehaviourEvent::Ping(ping::Event { peer, connection, result }) => match result {
                Ok(rtt) => {
                    if let Some((link, address)) = self.peers.link_over(peer, connection) {
                        let (rtt, lost) = self.stack.quic.stats(peer, address).unwrap_or((rtt, 0));
                        self.events.fact(Event::Stats { link, rtt, lost });
                    }
                }
                Err(ping::Failure::Timeout) => self.peers.on_unresponsive(peer, connection),
                Err(ping::Failure::Unsupported | ping::Failure::Other { .. }) => {}
            },
        }
    }

    fn on_dial_error(&mut self, id: ConnectionId, peer: Option<PeerId>, error: &SwarmDialError) {
        let addresses = self.dials.remove(&id).unwrap_or_default();
        if matches!(error, SwarmDialError::LocalPeerId { .. }) {
            self.bootstrap.on_own(id);
        }
        self.bootstrap.on_failed(id, Instant::now());
        self.events.fact(Event::DialFailed { peer, addresses, reason: error.to_string() });
    }

    /// Passes on what the peers want from the swarm.
    fn serve_peers(&mut self) {
        while let Some(request) = self.peers.next_request() {
            match request {
                Request::Open { peer, connection } => {
                    self.stack.swarm.behaviour_mut().bridge.open(peer, connection);
                }
                Request::Disconnect { peer } => {
                    // An error means that the last connection is gone already.
                    let _ = self.stack.swarm.disconnect_peer_id(peer);
                }
                Request::Close { connection } => {
                    self.stack.swarm.close_connection(connection);
                }
            }
        }
    }

    fn dial_due(&mut self) {
        if self.shutdown.is_some() {
            return;
        }
        let now = Instant::now();
        for dial in self.bootstrap.due(now) {
            match self.dial(dial.peer, dial.addresses) {
                Some(id) => self.bootstrap.on_dialing(dial.index, id),
                None => self.bootstrap.on_refused(dial.index, now),
            }
        }
    }

    /// Starts a dial. A failure to start it is reported here.
    fn dial(&mut self, peer: Option<PeerId>, addresses: Vec<Multiaddr>) -> Option<ConnectionId> {
        let opts = match peer {
            Some(peer) => dial_peer(peer, addresses.clone()),
            None => dial_address(addresses.first()?.clone()),
        };
        let id = opts.connection_id();
        match self.stack.swarm.dial(opts) {
            Ok(()) => {
                self.dials.insert(id, addresses);
                Some(id)
            }
            // Connected, or another dial is on the way: as good as done.
            Err(SwarmDialError::DialPeerConditionFalse(_)) => None,
            Err(error) => {
                self.events.fact(Event::DialFailed { peer, addresses, reason: error.to_string() });
                None
            }
        }
    }
}

/// Fails if another program listens on this TCP port.
///
/// libp2p sets `SO_REUSEPORT`, so that its own bind succeeds and the kernel deals out the
/// connections between the two programs.
fn probe_tcp(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => TcpListener::bind((ip, port)).map(|_| ()),
        _ => Ok(()),
    }
}

/// A port of its own per dial: two nodes that dial each other from their listening ports at the
/// same moment would make one TCP connection with two initiators.
fn dial_peer(peer: PeerId, addresses: Vec<Multiaddr>) -> DialOpts {
    DialOpts::peer_id(peer)
        .addresses(addresses)
        .condition(PeerCondition::DisconnectedAndNotDialing)
        .allocate_new_port()
        .build()
}

fn dial_address(address: Multiaddr) -> DialOpts {
    DialOpts::unknown_peer_id().address(address).allocate_new_port().build()
}

fn remember(listening: &RwLock<Vec<Multiaddr>>, address: &Multiaddr) {
    let mut all = listening.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !all.contains(address) {
        all.push(address.clone());
    }
}

fn forget(listening: &RwLock<Vec<Multiaddr>>, address: &Multiaddr) {
    listening.write().unwrap_or_else(std::sync::PoisonError::into_inner).retain(|a| a != address);
}
