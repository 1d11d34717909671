//! The libp2p transport: listening, dialing, handshakes.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::SelectAll};
use libp2p::{
    Multiaddr, PeerId,
    core::{
        Transport,
        transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    },
};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, VarInt};
use rustls::pki_types::CertificateDer;
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    listener::Listener,
    muxer::{Connections, Muxer},
    settings::{Bounds, Settings},
    to_socket,
};
use crate::{Config, StartError};

/// Why a connection was not made, or an address not listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QuicError {
    #[error(transparent)]
    Socket(#[from] io::Error),
    #[error("cannot dial: {0}")]
    Connect(#[from] quinn::ConnectError),
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    /// The peer's fault: TLS has accepted its certificate, so this is very unlikely.
    #[error("the peer's certificate names no peer id: {0}")]
    Certificate(String),
    #[error("the handshake took longer than {0:?}")]
    Timeout(Duration),
}

/// A handshake under way.
pub(super) type Upgrade = BoxFuture<'static, Result<(PeerId, Muxer), QuicError>>;

/// See the module.
pub(crate) struct QuicTransport {
    settings: Settings,
    listeners: SelectAll<Listener>,
    /// For dialing where no listener reaches: IPv4 and IPv6.
    dialers: [Option<quinn::Endpoint>; 2],
    connections: Connections,
    sockets: Sockets,
    waker: Option<Waker>,
}

impl QuicTransport {
    pub(crate) fn new(
        config: &Config,
        connections: Connections,
        sockets: Sockets,
    ) -> Result<Self, StartError> {
        Ok(Self {
            settings: Settings::new(config)?,
            listeners: SelectAll::new(),
            dialers: [None, None],
            connections,
            sockets,
            waker: None,
        })
    }

    fn endpoint(&self, address: SocketAddr, listens: bool) -> io::Result<quinn::Endpoint> {
        let socket = TokioRuntime.wrap_udp_socket(bind(address)?)?;
        let weak = Arc::downgrade(&socket);
        let server = listens.then(|| self.settings.server.clone());
        let settings = self.settings.endpoint.clone();
        let runtime = Arc::new(TokioRuntime);
        let endpoint = quinn::Endpoint::new_with_abstract_socket(settings, server, socket, runtime)?;
        self.sockets.add(&endpoint, weak);
        Ok(endpoint)
    }

    /// The endpoint to dial `remote` from: a listener's if one reaches it, so that routers and
    /// peers see the port we can be reached at.
    fn dialer(&mut self, remote: SocketAddr) -> io::Result<quinn::Endpoint> {
        if let Some(listener) = self.listeners.iter().find(|l| l.reaches(remote)) {
            return Ok(listener.endpoint.clone());
        }
        let slot = usize::from(remote.is_ipv6());
        if let Some(endpoint) = &self.dialers[slot] {
            return Ok(endpoint.clone());
        }
        let any = match remote {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let endpoint = self.endpoint(any, false)?;
        self.dialers[slot] = Some(endpoint.clone());
        Ok(endpoint)
    }
}

impl Transport for QuicTransport {
    type Output = (PeerId, Muxer);
    type Error = QuicError;
    type ListenerUpgrade = Upgrade;
    type Dial = Upgrade;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<QuicError>> {
        let Some((socket, _peer)) = to_socket(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let endpoint = self.endpoint(socket, true).map_err(other)?;
        let bounds = self.settings.bounds;
        let listener =
            Listener::new(id, endpoint, self.connections.clone(), bounds).map_err(TransportError::Other)?;
        self.listeners.push(listener);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let Some(listener) = self.listeners.iter_mut().find(|l| l.id == id) else { return false };
        listener.close();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        true
    }

    fn dial(&mut self, address: Multiaddr, _opts: DialOpts) -> Result<Upgrade, TransportError<QuicError>> {
        let remote = match to_socket(&address) {
            Some((socket, _peer)) if socket.port() != 0 && !socket.ip().is_unspecified() => socket,
            Some(_) | None => return Err(TransportError::MultiaddrNotSupported(address)),
        };
        let endpoint = self.dialer(remote).map_err(other)?;
        let settings = self.settings.clone();
        let connections = self.connections.clone();
        Ok(async move {
            // The server name is not used by libp2p, but rustls wants a valid one.
            let connecting = endpoint.connect_with(settings.client, remote, "l")?;
            handshake(connecting, connections, settings.bounds).await
        }
        .boxed())
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TransportEvent<Upgrade, QuicError>> {
        if let Poll::Ready(Some(event)) = self.listeners.poll_next_unpin(cx) {
            return Poll::Ready(event);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Finishes a handshake in either role and learns who the peer is.
pub(super) fn handshake(connecting: quinn::Connecting, connections: Connections, bounds: Bounds) -> Upgrade {
    let timeout = bounds.handshake_timeout;
    async move {
        let connection = tokio::time::timeout(timeout, connecting)
            .await
            .map_err(|_elapsed| QuicError::Timeout(timeout))??;
        let peer = peer_of(&connection)?;
        Ok((peer, Muxer::new(peer, connection, connections, bounds.send_window_bytes_max)))
    }
    .boxed()
}

fn peer_of(connection: &quinn::Connection) -> Result<PeerId, QuicError> {
    let refused = |reason: &str| QuicError::Certificate(reason.to_owned());
    let identity = connection.peer_identity().ok_or_else(|| refused("there is none"))?;
    let chain = identity.downcast::<Vec<CertificateDer<'_>>>().map_err(|_| refused("it is not X.509"))?;
    let certificate = chain.first().ok_or_else(|| refused("the chain is empty"))?;
    let parsed = libp2p_tls::certificate::parse(certificate).map_err(|e| refused(&e.to_string()))?;
    Ok(parsed.peer_id())
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // As much as the system allows: a burst that overflows the buffer is lost.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn other(error: io::Error) -> TransportError<QuicError> {
    TransportError::Other(error.into())
}

/// The sockets of a transport, to wait for their end.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<Vec<(quinn::Endpoint, WeakSocket)>>>);

type WeakSocket = Weak<dyn AsyncUdpSocket>;

impl Sockets {
    fn add(&self, endpoint: &quinn::Endpoint, socket: WeakSocket) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((endpoint.clone(), socket));
    }

    /// Closes everything and waits until the ports are free again.
    pub(crate) async fn close(self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut sockets = Vec::new();
        for (endpoint, socket) in all {
            endpoint.close(VarInt::from_u32(0), b"");
            if tokio::time::timeout(FAREWELL_MAX, endpoint.wait_idle()).await.is_err() {
                evict(&endpoint);
            }
            sockets.push(socket);
        }
        // quinn's tasks tell nobody when they end.
        while sockets.iter().any(|s| s.strong_count() > 0) {
            tokio::time::sleep(SOCKET_POLL_PERIOD).await;
        }
    }
}

/// Takes an endpoint's socket away. quinn keeps the previous socket as well, hence twice.
fn evict(endpoint: &quinn::Endpoint) {
    for _ in 0..2 {
        let replaced = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|s| endpoint.rebind(s));
        if let Err(error) = replaced {
            tracing::debug!(%error, "a port will stay busy for some seconds");
        }
    }
}

/// What we ask for; Linux gives `net.core.rmem_max` at most.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// How long [`Sockets::close`] stays to repeat our farewells to peers that missed them.
const FAREWELL_MAX: Duration = Duration::from_millis(250);

/// How often [`Sockets::close`] looks.
const SOCKET_POLL_PERIOD: Duration = Duration::from_millis(1);
