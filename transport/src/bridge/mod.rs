//! The one behaviour of ours in the swarm: it negotiates streams and hands them out.
//!
//! It has no policy. The driver says on which connection to open a stream; what comes of it, and
//! every stream a peer opens, is reported with the stream itself.

mod handler;
mod offer;

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};

use self::handler::{Handler, Open};

/// What became of a stream on one connection.
#[derive(Debug)]
pub(crate) struct BridgeEvent {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) news: News,
}

/// What became of a stream.
#[derive(Debug)]
pub(crate) enum News {
    /// The stream we asked for.
    Opened { protocol: StreamProtocol, stream: Stream },
    /// The peer speaks none of our protocols.
    Unsupported,
    /// The stream we asked for failed for another reason.
    Failed { detail: String },
    /// The peer opened a stream.
    Accepted { stream: Stream },
}

/// See the module.
pub(crate) struct Bridge {
    protocols: Arc<[StreamProtocol]>,
    queue: VecDeque<ToSwarm<BridgeEvent, Open>>,
    waker: Option<Waker>,
}

impl Bridge {
    pub(crate) fn new(protocols: Vec<StreamProtocol>) -> Self {
        Self { protocols: protocols.into(), queue: VecDeque::new(), waker: None }
    }

    /// Asks for an outbound stream on `connection` and keeps the connection alive from now on,
    /// unless the peer turns out to speak none of our protocols.
    pub(crate) fn open(&mut self, peer: PeerId, connection: ConnectionId) {
        self.queue.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(connection),
            event: Open,
        });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self) -> Handler {
        Handler::new(Arc::clone(&self.protocols))
    }
}

impl NetworkBehaviour for Bridge {
    type ConnectionHandler = Handler;
    type ToSwarm = BridgeEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _connection: ConnectionId,
        _peer: PeerId,
        _local: &Multiaddr,
        _remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _connection: ConnectionId,
        _peer: PeerId,
        _address: &Multiaddr,
        _role: Endpoint,
        _port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn on_swarm_event(&mut self, _event: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        news: THandlerOutEvent<Self>,
    ) {
        self.queue.push_back(ToSwarm::GenerateEvent(BridgeEvent { peer, connection, news }));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(next) = self.queue.pop_front() {
            return Poll::Ready(next);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
