//! One listening socket: its addresses and the connections that arrive on it.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{FutureExt, Stream, future::BoxFuture};
use if_watch::{IfEvent, tokio::IfWatcher};
use libp2p::core::transport::{ListenerId, TransportEvent};

use super::{
    muxer::Connections,
    settings::Bounds,
    to_multiaddr,
    transport::{QuicError, Upgrade, handshake},
};

pub(super) type Event = TransportEvent<Upgrade, QuicError>;

/// Ends when its endpoint is closed.
pub(super) struct Listener {
    pub(super) id: ListenerId,
    pub(super) endpoint: quinn::Endpoint,
    pub(super) socket: SocketAddr,
    connections: Connections,
    bounds: Bounds,
    accepting: BoxFuture<'static, Option<quinn::Incoming>>,
    /// Set if we listen on all interfaces.
    interfaces: Option<IfWatcher>,
    /// The addresses of the interfaces, with how often each is there.
    known: HashMap<IpAddr, usize>,
    /// At most the first address and the end.
    pending: VecDeque<Event>,
    ended: bool,
}

impl Listener {
    pub(super) fn new(
        id: ListenerId,
        endpoint: quinn::Endpoint,
        connections: Connections,
        bounds: Bounds,
    ) -> Result<Self, QuicError> {
        let socket = endpoint.local_addr()?;
        let mut pending = VecDeque::new();
        let mut interfaces = None;
        if socket.ip().is_unspecified() {
            interfaces = Some(IfWatcher::new()?);
        } else {
            pending.push_back(Event::NewAddress { listener_id: id, listen_addr: to_multiaddr(socket) });
        }
        let accepting = accept(&endpoint);
        let known = HashMap::new();
        Ok(Self {
            id,
            endpoint,
            socket,
            connections,
            bounds,
            accepting,
            interfaces,
            known,
            pending,
            ended: false,
        })
    }

    /// Whether packets to `remote` can leave through this socket.
    pub(super) fn reaches(&self, remote: SocketAddr) -> bool {
        let ip = self.socket.ip();
        ip.is_ipv4() == remote.is_ipv4()
            && (ip.is_unspecified() || ip.is_loopback() == remote.ip().is_loopback())
    }

    pub(super) fn close(&mut self) {
        self.ended = true;
        // Connections that exist live on; no new ones are answered.
        self.endpoint.set_server_config(None);
        self.pending.push_back(Event::ListenerClosed { listener_id: self.id, reason: Ok(()) });
    }

    fn poll_interfaces(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let Some(interfaces) = &mut self.interfaces else { return Poll::Pending };
        loop {
            let event = match ready!(interfaces.poll_if_event(cx)) {
                Ok(event) => event,
                Err(error) => {
                    return Poll::Ready(Event::ListenerError { listener_id: self.id, error: error.into() });
                }
            };
            let (IfEvent::Up(net) | IfEvent::Down(net)) = event;
            if net.addr().is_ipv4() != self.socket.is_ipv4() {
                continue;
            }
            let listen_addr = to_multiaddr(SocketAddr::new(net.addr(), self.socket.port()));
            let count = self.known.entry(net.addr()).or_default();
            match event {
                IfEvent::Up(_) => {
                    *count += 1;
                    if *count == 1 {
                        return Poll::Ready(Event::NewAddress { listener_id: self.id, listen_addr });
                    }
                }
                IfEvent::Down(_) => {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.known.remove(&net.addr());
                        return Poll::Ready(Event::AddressExpired { listener_id: self.id, listen_addr });
                    }
                }
            }
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(incoming) = ready!(self.accepting.poll_unpin(cx)) else { return Poll::Ready(None) };
        self.accepting = accept(&self.endpoint);
        let send_back_addr = to_multiaddr(incoming.remote_address());
        Poll::Ready(Some(match incoming.accept() {
            Ok(connecting) => Event::Incoming {
                listener_id: self.id,
                upgrade: handshake(connecting, self.connections.clone(), self.bounds),
                local_addr: to_multiaddr(self.socket),
                send_back_addr,
            },
            Err(error) => Event::ListenerError { listener_id: self.id, error: error.into() },
        }))
    }
}

fn accept(endpoint: &quinn::Endpoint) -> BoxFuture<'static, Option<quinn::Incoming>> {
    let endpoint = endpoint.clone();
    async move { endpoint.accept().await }.boxed()
}

impl Stream for Listener {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if let Poll::Ready(event) = self.poll_interfaces(cx) {
                return Poll::Ready(Some(event));
            }
            match self.poll_incoming(cx) {
                Poll::Ready(Some(event)) => return Poll::Ready(Some(event)),
                Poll::Ready(None) => self.close(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
