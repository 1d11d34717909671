//! Yamux that takes no more from its streams than the kernel takes from it.
//!
//! Noise and Yamux together buffer what the receiver's window allows, 256 KiB, above a socket that takes nothing. It
//! ages there and can no longer be replaced by something fresher. So streams wait until what they wrote is flushed.
//!
//! And a stream's flush ends only when there is room on the uplink for more ([`Line`]): who makes shards waits for that.
//! Other writes do not. Whole messages lose by turns: all neighbours would have them at the end of the time that all of
//! them need together.

use std::{
    future::{self, Ready},
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite, FutureExt};
use libp2p::{
    core::{
        StreamMuxer, UpgradeInfo,
        muxing::StreamMuxerEvent,
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade},
    },
    yamux,
};

use super::line::{Line, Turn};
use crate::{queue::SHORT_BYTES_MAX, waiters::Waiters};

/// Yamux behind a gate, as an upgrade of an encrypted connection.
pub(super) struct GatedYamux {
    pub(super) yamux: yamux::Config,
    pub(super) line: Weak<Line>,
}

impl UpgradeInfo for GatedYamux {
    type Info = <yamux::Config as UpgradeInfo>::Info;
    type InfoIter = <yamux::Config as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.yamux.protocol_info()
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for GatedYamux {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, io: C, info: Self::Info) -> Self::Future {
        let gate = Gate::default();
        let below = Below { io, gate: gate.clone() };
        future::ready(immediate(self.yamux.upgrade_inbound(below, info), gate, self.line))
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for GatedYamux {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, io: C, info: Self::Info) -> Self::Future {
        let gate = Gate::default();
        let below = Below { io, gate: gate.clone() };
        future::ready(immediate(self.yamux.upgrade_outbound(below, info), gate, self.line))
    }
}

/// Yamux needs no exchange of its own to begin.
fn immediate<C>(
    upgrade: impl Future<Output = io::Result<yamux::Muxer<Below<C>>>>,
    gate: Gate,
    line: Weak<Line>,
) -> io::Result<Muxer<C>> {
    let muxer = upgrade.now_or_never().ok_or(io::ErrorKind::WouldBlock)??;
    Ok(Muxer { muxer, gate, line })
}

/// What streams wrote and is not known to be in the kernel.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Bytes since all was flushed last.
    unflushed_bytes: usize,
    /// The last flush could not end: the socket is full.
    full: bool,
    /// Those who wait, at most one for each stream.
    waiting: Waiters,
}

impl Gate {
    /// Ready when a stream may write.
    fn poll_open(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state.full && state.unflushed_bytes < UNFLUSHED_BYTES_MAX {
            return Poll::Ready(());
        }
        state.waiting.add(cx.waker());
        Poll::Pending
    }

    /// Ready when all that streams wrote is flushed.
    fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state.full && state.unflushed_bytes == 0 {
            return Poll::Ready(());
        }
        state.waiting.add(cx.waker());
        Poll::Pending
    }

    /// Told before Yamux, on another thread, can flush them.
    fn on_writing(&self, bytes: usize) {
        self.lock().unflushed_bytes += bytes;
    }

    /// Not all of them were taken.
    fn on_left(&self, bytes: usize) {
        let mut state = self.lock();
        state.unflushed_bytes = state.unflushed_bytes.saturating_sub(bytes);
        if state.unflushed_bytes == 0 && !state.full {
            state.waiting.wake_all();
        }
    }

    fn on_flush(&self, ended: bool) {
        let mut state = self.lock();
        state.full = !ended;
        if ended {
            state.unflushed_bytes = 0;
            state.waiting.wake_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is valid between statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The encrypted connection below Yamux, which flushes it whenever it has something to do.
pub(crate) struct Below<C> {
    io: C,
    gate: Gate,
}

impl<C: AsyncRead + Unpin> AsyncRead for Below<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_read(cx, bytes)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Below<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        // After an error nothing is held back: the streams are to see it.
        self.gate.on_flush(flushed.is_ready());
        flushed
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

impl<C> Drop for Below<C> {
    fn drop(&mut self) {
        self.gate.on_flush(true);
    }
}

/// A connection's streams.
pub(crate) struct Muxer<C> {
    muxer: yamux::Muxer<Below<C>>,
    gate: Gate,
    line: Weak<Line>,
}

impl<C> Muxer<C> {
    fn gated(&self, stream: yamux::Stream) -> Stream {
        Stream {
            stream,
            gate: self.gate.clone(),
            line: self.line.clone(),
            turn: Turn::default(),
            long: false,
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> StreamMuxer for Muxer<C> {
    type Substream = Stream;
    type Error = yamux::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, yamux::Error>> {
        Pin::new(&mut self.muxer).poll_inbound(cx).map_ok(|stream| self.gated(stream))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, yamux::Error>> {
        Pin::new(&mut self.muxer).poll_outbound(cx).map_ok(|stream| self.gated(stream))
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, yamux::Error>> {
        StreamMuxer::poll(Pin::new(&mut self.muxer), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), yamux::Error>> {
        StreamMuxer::poll_close(Pin::new(&mut self.muxer), cx)
    }
}

/// A stream that waits while the gate is closed.
pub(crate) struct Stream {
    stream: yamux::Stream,
    gate: Gate,
    line: Weak<Line>,
    turn: Turn,
    /// It wrote something long since it was flushed.
    long: bool,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, bytes)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.len() > SHORT_BYTES_MAX {
            ready!(self.gate.poll_open(cx));
            self.long = true;
        }
        self.gate.on_writing(bytes.len());
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        let taken = if let Poll::Ready(Ok(count)) = &written { *count } else { 0 };
        if taken < bytes.len() {
            self.gate.on_left(bytes.len() - taken);
        }
        written
    }

    /// Ready when the connection is flushed, and would take more that need not wait. Yamux itself calls a stream flushed
    /// whose frames it has, which is enough where all was short: a ping counts from then.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, gate, line, turn, long } = &mut *self;
        ready!(Pin::new(stream).poll_flush(cx))?;
        if *long {
            ready!(gate.poll_flushed(cx));
            if let Some(line) = line.upgrade() {
                ready!(turn.poll(cx, &line));
            }
            *long = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// What streams may write before it is flushed: two shards of 8 KiB.
const UNFLUSHED_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        task::{Wake, Waker},
    };

    use futures::task::noop_waker_ref;

    use super::*;

    /// Accepts everything, as Noise does for long, and flushes only while it may.
    struct Buffering {
        flushes: Arc<AtomicBool>,
    }

    impl AsyncRead for Buffering {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Buffering {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.flushes.load(Ordering::Relaxed) { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn open(flushes: &Arc<AtomicBool>) -> (Muxer<Buffering>, Stream) {
        let mut cx = Context::from_waker(noop_waker_ref());
        let io = Buffering { flushes: Arc::clone(flushes) };
        let upgrade = GatedYamux { yamux: yamux::Config::default(), line: Weak::new() }
            .upgrade_outbound(io, "/yamux/1.0.0");
        let mut muxer = upgrade.into_inner().unwrap();
        let Poll::Ready(Ok(stream)) = Pin::new(&mut muxer).poll_outbound(&mut cx) else {
            panic!("no stream")
        };
        (muxer, stream)
    }

    /// Writes what the stream takes, at most 1 MiB; the connection has its turn after each write.
    fn fill(muxer: &mut Muxer<Buffering>, stream: &mut Stream) -> usize {
        let mut cx = Context::from_waker(noop_waker_ref());
        let (chunk, mut taken) = ([0; 4096], 0);
        while taken < 1 << 20 {
            let Poll::Ready(count) = Pin::new(&mut *stream).poll_write(&mut cx, &chunk) else { break };
            taken += count.unwrap();
            let _nothing_comes_in = StreamMuxer::poll(Pin::new(&mut *muxer), &mut cx).is_ready();
        }
        taken
    }

    #[test]
    fn a_stream_writes_no_more_than_is_flushed() {
        let flushes = Arc::new(AtomicBool::new(false));
        let (mut muxer, mut stream) = open(&flushes);
        let taken = fill(&mut muxer, &mut stream);
        assert!((1..=UNFLUSHED_BYTES_MAX).contains(&taken), "{taken} bytes");
        flushes.store(true, Ordering::Relaxed);
        let mut cx = Context::from_waker(noop_waker_ref());
        let _nothing_comes_in = StreamMuxer::poll(Pin::new(&mut muxer), &mut cx).is_ready();
        let taken = fill(&mut muxer, &mut stream);
        assert!(
            taken > 2 * UNFLUSHED_BYTES_MAX,
            "while all is flushed only the receiver's window counts: {taken}"
        );
    }

    #[test]
    fn a_stream_is_flushed_when_its_connection_is() {
        let flushes = Arc::new(AtomicBool::new(false));
        let (mut muxer, mut stream) = open(&flushes);
        let mut cx = Context::from_waker(noop_waker_ref());
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready(), "nothing was written");
        fill(&mut muxer, &mut stream);
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_pending());
        flushes.store(true, Ordering::Relaxed);
        let _nothing_comes_in = StreamMuxer::poll(Pin::new(&mut muxer), &mut cx).is_ready();
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
    }

    /// Polls the connection as soon as it is woken, as another thread may.
    struct Eager(Mutex<Muxer<Buffering>>);

    impl Wake for Eager {
        fn wake(self: Arc<Self>) {
            let Ok(mut muxer) = self.0.try_lock() else { return };
            let waker = Waker::from(Arc::clone(&self));
            let mut cx = Context::from_waker(&waker);
            let _nothing_comes_in = StreamMuxer::poll(Pin::new(&mut *muxer), &mut cx).is_ready();
        }
    }

    #[test]
    fn what_is_short_waits_for_no_flush() {
        let (mut muxer, mut stream) = open(&Arc::new(AtomicBool::new(false)));
        let mut cx = Context::from_waker(noop_waker_ref());
        fill(&mut muxer, &mut stream);
        let Poll::Ready(Ok(mut other)) = Pin::new(&mut muxer).poll_outbound(&mut cx) else {
            panic!("no stream")
        };
        assert!(Pin::new(&mut other).poll_write(&mut cx, &[1; 32]).is_ready(), "as long as a ping");
        assert!(Pin::new(&mut other).poll_flush(&mut cx).is_ready());
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_pending());
    }

    #[test]
    fn what_is_flushed_before_the_write_returns_is_flushed() {
        let (muxer, mut stream) = open(&Arc::new(AtomicBool::new(true)));
        let eager = Arc::new(Eager(Mutex::new(muxer)));
        Arc::clone(&eager).wake();
        let mut cx = Context::from_waker(noop_waker_ref());
        assert!(Pin::new(&mut stream).poll_write(&mut cx, &[1; 1000]).is_ready());
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
    }

    #[test]
    fn what_is_not_taken_is_not_waited_for() {
        let (gate, cx) = (Gate::default(), Context::from_waker(noop_waker_ref()));
        gate.on_writing(100);
        gate.on_left(60);
        assert!(gate.poll_flushed(&cx).is_pending());
        gate.on_left(40);
        assert!(gate.poll_flushed(&cx).is_ready());
    }

    #[test]
    fn those_who_wait_are_let_go_when_the_connection_ends() {
        let (mut muxer, mut stream) = open(&Arc::new(AtomicBool::new(false)));
        fill(&mut muxer, &mut stream);
        drop(muxer);
        let mut cx = Context::from_waker(noop_waker_ref());
        assert!(Pin::new(&mut stream).poll_write(&mut cx, &[0]).is_ready(), "with an error");
    }
}
