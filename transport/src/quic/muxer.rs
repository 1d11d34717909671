//! One QUIC connection as a libp2p stream muxer.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite, FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId,
    core::{StreamMuxer, muxing::StreamMuxerEvent},
    multiaddr::Protocol,
};
use quinn::{ConnectionError, RecvStream, SendStream, StoppedError, VarInt};

use super::{
    path::{Paced, Path},
    side::{Inbound, Outbound},
    to_socket,
};

/// Opens and accepts the bidirectional streams of one connection. Dropping it closes the
/// connection: clones of quinn's handle elsewhere would keep it open otherwise.
pub(crate) struct Muxer {
    peer: PeerId,
    connection: quinn::Connection,
    connections: Connections,
    path: Arc<Path>,
    accepting: Option<Accepting>,
    opening: Option<Accepting>,
    closing: Option<BoxFuture<'static, ConnectionError>>,
}

type Accepting = BoxFuture<'static, Result<(SendStream, RecvStream), ConnectionError>>;

impl Muxer {
    pub(super) fn new(
        peer: PeerId,
        connection: quinn::Connection,
        connections: Connections,
        send_window_bytes_max: u64,
    ) -> Self {
        let path = Arc::new(Path::new(connection.clone(), send_window_bytes_max));
        connections.lock().entry(peer).or_default().push(Arc::clone(&path));
        Self { peer, connection, connections, path, accepting: None, opening: None, closing: None }
    }

    fn stream(&self, (send, recv): (SendStream, RecvStream)) -> Stream {
        // It fails only for a stream that has ended, as its first write then says.
        let _ = send.set_priority(PRIORITY);
        Stream { paced: Paced::new(Arc::clone(&self.path)), send, recv, closing: None, closed: false }
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        self.connection.close(VarInt::from_u32(0), b"");
        let mut connections = self.connections.lock();
        if let Some(same_peer) = connections.get_mut(&self.peer) {
            same_peer.retain(|path| !Arc::ptr_eq(path, &self.path));
            if same_peer.is_empty() {
                connections.remove(&self.peer);
            }
        }
    }
}

impl StreamMuxer for Muxer {
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        let connection = self.connection.clone();
        let accepting =
            self.accepting.get_or_insert_with(|| async move { connection.accept_bi().await }.boxed());
        let streams = ready!(accepting.poll_unpin(cx));
        self.accepting = None;
        Poll::Ready(streams.map(|halves| self.stream(halves)))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        let connection = self.connection.clone();
        let opening = self.opening.get_or_insert_with(|| async move { connection.open_bi().await }.boxed());
        let streams = ready!(opening.poll_unpin(cx));
        self.opening = None;
        Poll::Ready(streams.map(|halves| self.stream(halves)))
    }

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        // The only event there is would be a change of address; migration is off.
        Poll::Pending
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let connection = self.connection.clone();
        let closing = self.closing.get_or_insert_with(|| {
            connection.close(VarInt::from_u32(0), b"");
            async move { connection.closed().await }.boxed()
        });
        let error = ready!(closing.poll_unpin(cx));
        let expected = matches!(error, ConnectionError::LocallyClosed);
        Poll::Ready(if expected { Ok(()) } else { Err(error) })
    }
}

/// One bidirectional stream.
pub(crate) struct Stream {
    paced: Paced,
    send: SendStream,
    recv: RecvStream,
    closing: Option<BoxFuture<'static, Result<Option<VarInt>, StoppedError>>>,
    closed: bool,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        AsyncRead::poll_read(Pin::new(&mut self.recv), cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { paced, send, .. } = &mut *self;
        paced.poll_write(cx, send, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), cx)
    }

    /// Ready when the peer has acknowledged everything: closing the *connection* before that
    /// would lose it.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        if self.closing.is_none() {
            self.send.finish().map_err(io::Error::from)?;
            self.closing = Some(self.send.stopped().boxed());
        }
        let Some(closing) = self.closing.as_mut() else { return Poll::Pending };
        let result = ready!(closing.poll_unpin(cx));
        self.closing = None;
        self.closed = true;
        // A peer that stops the stream does not want the rest.
        Poll::Ready(result.map(|_code| ()).map_err(io::Error::from))
    }
}

/// The connections that are open.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<PeerId, Vec<Arc<Path>>>>>);

impl Connections {
    /// Smoothed round trip and packets lost of the connection to `peer` at `address`.
    pub(crate) fn stats(&self, peer: PeerId, address: &Multiaddr) -> Option<(std::time::Duration, u64)> {
        let path = self.find(peer, address)?.connection.stats().path;
        Some((path.rtt, path.lost_packets))
    }

    /// To send to that connection's peer on streams beside the first one.
    pub(crate) fn outbound(&self, peer: PeerId, address: &Multiaddr) -> Option<Outbound> {
        self.find(peer, address).map(Outbound::new)
    }

    /// To receive what its peer sends so, which it does once it is let.
    pub(crate) fn inbound(&self, peer: PeerId, address: &Multiaddr) -> Option<Inbound> {
        self.find(peer, address).map(Inbound::new)
    }

    /// A name in an address says nothing about which of several connections was meant.
    fn find(&self, peer: PeerId, address: &Multiaddr) -> Option<Arc<Path>> {
        let connections = self.lock();
        let of_peer = connections.get(&peer)?;
        let path = match to_socket(address) {
            Some((socket, _peer)) => of_peer.iter().find(|p| p.connection.remote_address() == socket),
            None if is_quic(address) => of_peer.first().filter(|_| of_peer.len() == 1),
            None => None,
        };
        path.cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Vec<Arc<Path>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::QuicV1)
        && !address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// Streams that others are beside go first: what they carry is short, or others wait for it.
const PRIORITY: i32 = 1;
