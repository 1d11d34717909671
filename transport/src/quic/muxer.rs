//! One QUIC connection as a libp2p stream muxer.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};

use futures::{AsyncRead, AsyncWrite, FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId,
    core::{StreamMuxer, muxing::StreamMuxerEvent},
};
use quinn::{ConnectionError, RecvStream, SendStream, StoppedError, VarInt};

use tokio::time::Sleep;

use super::{
    to_socket,
    uplink::{Counting, Member, PATIENCE},
    window::SendWindow,
};
use crate::queue::SHORT_BYTES_MAX;

/// Opens and accepts the bidirectional streams of one connection. Dropping it closes the
/// connection: clones of quinn's handle elsewhere would keep it open otherwise.
pub(crate) struct Muxer {
    peer: PeerId,
    connection: quinn::Connection,
    connections: Connections,
    window: Arc<Mutex<SendWindow>>,
    /// Its part of the node's window; every connection of ours has one.
    member: Option<Arc<Member>>,
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
        connections.lock().entry(peer).or_default().push(connection.clone());
        let window = Arc::new(Mutex::new(SendWindow::new(send_window_bytes_max)));
        let member = Counting::member_of(&connection);
        Self { peer, connection, connections, window, member, accepting: None, opening: None, closing: None }
    }

    fn stream(&self, (send, recv): (SendStream, RecvStream)) -> Stream {
        let (connection, window) = (self.connection.clone(), Arc::clone(&self.window));
        let member = self.member.clone();
        Stream { connection, window, member, patience: None, send, recv, closing: None, closed: false }
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        self.connection.close(VarInt::from_u32(0), b"");
        let mut connections = self.connections.lock();
        if let Some(same_peer) = connections.get_mut(&self.peer) {
            same_peer.retain(|c| c.stable_id() != self.connection.stable_id());
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
    connection: quinn::Connection,
    /// The connection's, for all its streams.
    window: Arc<Mutex<SendWindow>>,
    /// The same.
    member: Option<Arc<Member>>,
    /// How long it waits for other connections.
    patience: Option<Pin<Box<Sleep>>>,
    send: SendStream,
    recv: RecvStream,
    closing: Option<BoxFuture<'static, Result<Option<VarInt>, StoppedError>>>,
    closed: bool,
}

impl Stream {
    /// Ready when all connections together hold less than the uplink carries, or have for too long.
    fn poll_uplink(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(member) = &self.member
            && member.poll_room(cx).is_pending()
        {
            let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
            ready!(patience.poll_unpin(cx));
            member.on_patience_end(Instant::now());
        }
        self.patience = None;
        Poll::Ready(())
    }

    /// Follows the path with the connection's window, before something is written.
    fn adjust_window(&self) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if window.is_due(now) {
            let path = self.connection.stats().path;
            if let Some(bytes) = window.adjust(now, path.rtt, path.min_rtt) {
                self.connection.set_send_window(bytes);
            }
        }
    }
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
        if bytes.len() > SHORT_BYTES_MAX {
            ready!(self.poll_uplink(cx));
        }
        self.adjust_window();
        let written = AsyncWrite::poll_write(Pin::new(&mut self.send), cx, bytes);
        if !matches!(written, Poll::Ready(Ok(count)) if count == bytes.len()) {
            self.window.lock().unwrap_or_else(PoisonError::into_inner).on_limited();
        }
        if let (Poll::Ready(Ok(count)), Some(member)) = (&written, &self.member) {
            member.on_written(Instant::now(), *count);
        }
        written
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

/// The connections that are open, for their statistics.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<PeerId, Vec<quinn::Connection>>>>);

impl Connections {
    /// Smoothed round trip and packets lost of the connection to `peer` at `address`.
    pub(crate) fn stats(&self, peer: PeerId, address: &Multiaddr) -> Option<(std::time::Duration, u64)> {
        let (socket, _peer) = to_socket(address)?;
        let connections = self.lock();
        let connection = connections.get(&peer)?.iter().find(|c| c.remote_address() == socket)?;
        let path = connection.stats().path;
        Some((path.rtt, path.lost_packets))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Vec<quinn::Connection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
