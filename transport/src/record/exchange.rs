//! Identify as far as it is about signed peer records: answers with ours, and asks each peer for its own.
//!
//! libp2p-identify signs for another domain than the specification's: go, js and py refuse such a record, js with all
//! that identify tells. It also drops theirs. So it only asks, and the answers are given here.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, PeerRecord, transport::PortUse, upgrade::ReadyUpgrade},
    multiaddr::Protocol,
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, ExternalAddresses,
        FromSwarm, ListenAddresses, NetworkBehaviour, SubstreamProtocol, SupportedProtocols, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use libp2p_identity::Keypair;

use super::{message::Identify, verify};

/// A peer's signed record: verified, and of that very peer.
#[derive(Debug)]
pub(crate) struct RecordEvent {
    pub(crate) peer: PeerId,
    pub(crate) record: Bytes,
}

/// The behaviour. It must come before libp2p-identify: the swarm gives a stream to the first that takes it.
pub(crate) struct Records {
    me: Arc<Me>,
    listening: ListenAddresses,
    external: ExternalAddresses,
    queue: VecDeque<RecordEvent>,
    waker: Option<Waker>,
}

/// What we tell of ourselves on every connection.
struct Me {
    identity: Keypair,
    agent: String,
    protocol_version: String,
    addresses: RwLock<Vec<Multiaddr>>,
}

impl Records {
    pub(crate) fn new(identity: Keypair, agent: String, protocol_version: String) -> Self {
        let me = Arc::new(Me { identity, agent, protocol_version, addresses: RwLock::default() });
        Self {
            me,
            listening: ListenAddresses::default(),
            external: ExternalAddresses::default(),
            queue: VecDeque::new(),
            waker: None,
        }
    }

    fn handler(&self, peer: PeerId, observed: &Multiaddr) -> Handler {
        // Who dialed put the peer's id there, which the other implementations leave out.
        let observed = observed.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect();
        Handler {
            me: Arc::clone(&self.me),
            peer,
            observed,
            protocols: SupportedProtocols::default(),
            asked: false,
            tasks: VecDeque::new(),
        }
    }
}

impl Me {
    fn message(&self, observed: &Multiaddr, protocols: &SupportedProtocols) -> Identify {
        let addresses = self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone();
        let listen_addrs = addresses.iter().map(Multiaddr::to_vec).collect();
        // Keys of the kinds that we have can always sign.
        let record = PeerRecord::new_interop(&self.identity, addresses).ok();
        Identify {
            public_key: Some(self.identity.public().encode_protobuf()),
            listen_addrs,
            protocols: protocols.iter().map(ToString::to_string).collect(),
            observed_addr: Some(observed.to_vec()),
            protocol_version: Some(self.protocol_version.clone()),
            agent_version: Some(self.agent.clone()),
            signed_peer_record: record.map(|record| record.into_signed_envelope().into_protobuf_encoding()),
        }
    }
}

/// The behaviour's end on one connection.
pub(crate) struct Handler {
    me: Arc<Me>,
    peer: PeerId,
    /// Where we see the peer.
    observed: Multiaddr,
    protocols: SupportedProtocols,
    asked: bool,
    /// Streams that are answered or read, oldest first, [`STREAMS_MAX`] at most; some give a record.
    tasks: VecDeque<BoxFuture<'static, Option<Bytes>>>,
}

impl Handler {
    fn push(&mut self, task: impl Future<Output = Option<Bytes>> + Send + 'static) {
        if self.tasks.len() >= STREAMS_MAX {
            self.tasks.pop_front();
        }
        self.tasks.push_back(async { tokio::time::timeout(PATIENCE, task).await.ok().flatten() }.boxed());
    }

    fn answer(&mut self, stream: Stream) {
        let message = self.me.message(&self.observed, &self.protocols);
        self.push(async move {
            // Who does not take the answer has not asked for it.
            let _ = message.send(stream).await;
            None
        });
    }

    fn read(&mut self, stream: Stream) {
        let peer = self.peer;
        self.push(async move {
            let record = Identify::receive(stream).await.ok()?.signed_peer_record?;
            match verify(&record, peer) {
                Ok(_) => Some(record.into()),
                Err(fault) => {
                    tracing::debug!(%peer, %fault, "identify");
                    None
                }
            }
        });
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Bytes;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Bytes>> {
        if !self.asked {
            self.asked = true;
            let protocol = self.listen_protocol();
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        let mut record = None;
        self.tasks.retain_mut(|task| match task.poll_unpin(cx) {
            Poll::Ready(found) => {
                record = found.or(record.take());
                false
            }
            Poll::Pending => true,
        });
        record.map_or(Poll::Pending, |record| Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(record)))
    }

    fn on_behaviour_event(&mut self, never: Infallible) {
        match never {}
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign and non-exhaustive")]
    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                self.answer(protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                self.read(protocol);
            }
            ConnectionEvent::LocalProtocolsChange(change) => {
                self.protocols.on_protocols_change(change);
            }
            // A peer without identify has no record.
            _ => {}
        }
    }
}

impl NetworkBehaviour for Records {
    type ConnectionHandler = Handler;
    type ToSwarm = RecordEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _connection: ConnectionId,
        peer: PeerId,
        _local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _role: Endpoint,
        _port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, address))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let changed = [self.listening.on_swarm_event(&event), self.external.on_swarm_event(&event)];
        if changed.contains(&true) {
            let mut addresses: Vec<_> = self.external.iter().chain(self.listening.iter()).cloned().collect();
            addresses.sort();
            addresses.dedup();
            addresses.truncate(ADDRESSES_MAX);
            *self.me.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _connection: ConnectionId,
        record: THandlerOutEvent<Self>,
    ) {
        self.queue.push_back(RecordEvent { peer, record });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(event) = self.queue.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(event));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

const PROTOCOL: StreamProtocol = libp2p::identify::PROTOCOL_NAME;

/// Streams of one connection at a time: ours, and what a peer may ask before it has the answer.
const STREAMS_MAX: usize = 4;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Addresses that we tell: with a record of them twice, so that the message stays below rust-libp2p's 4 KiB.
const ADDRESSES_MAX: usize = 32;
