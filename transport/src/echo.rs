//! The answering half of `/ipfs/ping/1.0.0`: every ping comes back, whatever the peer makes of ours.
//!
//! libp2p-ping answers too, but no longer once the peer has refused a ping of ours. js-libp2p without its ping
//! service refuses all of them, pings us nevertheless, and closes connections on which no answer comes. So pings
//! are answered here, and libp2p-ping only measures.
//!
//! Source: libp2p specification, "Ping": 32 bytes and the same back, as often as the peer likes; an endpoint should
//! take at most two streams of a peer at a time.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{DeniedUpgrade, ReadyUpgrade},
    },
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, FullyNegotiatedInbound},
    },
};

/// The behaviour; it has nothing to report.
///
/// Of two behaviours with one protocol the swarm gives a stream to the first: this one must come before
/// libp2p-ping.
pub(crate) struct Echo;

/// The streams of one connection.
#[derive(Default)]
pub(crate) struct Handler {
    /// Oldest first, [`STREAMS_MAX`] at most.
    streams: VecDeque<BoxFuture<'static, io::Result<Infallible>>>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        // What ends, ends with an error: the end of the stream if nothing else.
        self.streams.retain_mut(|stream| stream.poll_unpin(cx).is_pending());
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, never: Infallible) {
        match never {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Self::InboundProtocol, DeniedUpgrade>) {
        let ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: mut stream, .. }) =
            event
        else {
            return;
        };
        // Being pinged is no reason to keep a connection.
        stream.ignore_for_keep_alive();
        if self.streams.len() >= STREAMS_MAX {
            self.streams.pop_front();
        }
        self.streams.push_back(echo(stream).boxed());
    }
}

/// Gives every ping back, until the peer closes the stream or it fails.
async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Infallible> {
    let mut ping = [0; PING_BYTES];
    loop {
        stream.read_exact(&mut ping).await?;
        stream.write_all(&ping).await?;
        stream.flush().await?;
    }
}

impl NetworkBehaviour for Echo {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _connection: ConnectionId,
        _peer: PeerId,
        _local: &Multiaddr,
        _remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _connection: ConnectionId,
        _peer: PeerId,
        _address: &Multiaddr,
        _role: Endpoint,
        _port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn on_swarm_event(&mut self, _event: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _peer: PeerId,
        _connection: ConnectionId,
        never: THandlerOutEvent<Self>,
    ) {
        match never {}
    }

    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

const PROTOCOL: StreamProtocol = libp2p::ping::PROTOCOL_NAME;

/// Streams of one connection that are answered; a further one takes the place of the oldest.
const STREAMS_MAX: usize = 2;

const PING_BYTES: usize = 32;
