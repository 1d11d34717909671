//! A TCP connection that takes its turn on its node's uplink.
//!
//! The kernel sends what its congestion window allows, and each connection's looks for the whole uplink: ten of them
//! keep its queue full. What waits there is old when it arrives, and can no longer be replaced by something fresher. So,
//! as over QUIC, whoever can wait does so while all connections together hold what the uplink carries in a round trip,
//! or are ahead of its pace.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures::{AsyncRead, AsyncWrite, FutureExt};
use libp2p::tcp::tokio::TcpStream;
use tokio::time::{Sleep, sleep_until};

use super::info::Probe;
use crate::uplink::{Member, PATIENCE, Room, Uplink};

/// All TCP connections of a node.
pub(super) struct Lines {
    uplink: Arc<Uplink>,
    state: Mutex<State>,
}

struct State {
    lines: Vec<Weak<Line>>,
    /// When the kernel was asked last.
    asked: Instant,
}

impl Lines {
    pub(super) fn new() -> Self {
        let state = State { lines: Vec::new(), asked: Instant::now() };
        // What a connection holds is the kernel's, which bounds it (`tcp_wmem`).
        Self { uplink: Arc::new(Uplink::new(u64::MAX)), state: Mutex::new(state) }
    }

    fn join(self: &Arc<Self>, stream: &TcpStream) -> Option<Arc<Line>> {
        let probe = Probe::new(stream)?;
        let info = probe.info()?;
        let line = Arc::new(Line {
            lines: Arc::clone(self),
            member: self.uplink.join(Instant::now()),
            probe,
            written: AtomicU64::new(0),
            begin: info.acknowledged,
            acknowledged: AtomicU64::new(0),
            window: AtomicU64::new(info.window),
        });
        let mut state = self.lock();
        state.lines.retain(|line| line.strong_count() > 0);
        state.lines.push(Arc::downgrade(&line));
        Some(line)
    }

    /// Asks the kernel what was acknowledged, if that was not done just now.
    fn refresh(&self, now: Instant) {
        let mut state = self.lock();
        if now >= state.asked + TICK {
            state.asked = now;
            state.lines.iter().filter_map(Weak::upgrade).for_each(|line| line.refresh(now));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is valid between statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's part of the uplink.
pub(super) struct Line {
    lines: Arc<Lines>,
    member: Arc<Member>,
    probe: Probe,
    /// Bytes that the kernel took.
    written: AtomicU64,
    /// What the kernel counted as acknowledged at first.
    begin: u64,
    /// Bytes that the peer is known to have acknowledged.
    acknowledged: AtomicU64,
    /// The kernel's congestion window, bytes.
    window: AtomicU64,
}

impl Line {
    fn refresh(&self, now: Instant) {
        let (written, before) =
            (self.written.load(Ordering::Relaxed), self.acknowledged.load(Ordering::Relaxed));
        if written == before {
            return;
        }
        let Some(info) = self.probe.info() else { return };
        let acknowledged = info.acknowledged.saturating_sub(self.begin).min(written);
        self.window.store(info.window, Ordering::Relaxed);
        if acknowledged > before {
            self.acknowledged.store(acknowledged, Ordering::Relaxed);
            self.member.on_acknowledged(acknowledged - before, info.rtt, info.rtt_min);
            if let Some(sent) = now.checked_sub(info.rtt) {
                self.member.on_acknowledged_until(now, sent);
            }
            self.member.on_in_flight(now, written - acknowledged);
        }
    }

    fn on_written(&self, bytes: usize) {
        self.member.on_writing(Instant::now(), bytes);
        self.member.on_sent(bytes as u64);
        // Last: what is counted here will be seen acknowledged, and then the member knows better again.
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// How a stream waits for room on the uplink.
#[derive(Default)]
pub(super) struct Turn {
    since: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Turn {
    /// Ready when there is room for more, or there was none for [`PATIENCE`].
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, line: &Line) -> Poll<()> {
        loop {
            let now = Instant::now();
            line.lines.refresh(now);
            let at = match line.member.room(cx, now, line.window.load(Ordering::Relaxed)) {
                Room::Bytes(_) => break,
                Room::After(at) => at,
                Room::HoldsItsOwn | Room::OthersHoldAll => {
                    if now.saturating_duration_since(*self.since.get_or_insert(now)) >= PATIENCE {
                        line.member.on_patience_end(now);
                        break;
                    }
                    now + TICK
                }
            };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at.into())));
            sleep.as_mut().reset(at.into());
            ready!(sleep.poll_unpin(cx));
        }
        self.since = None;
        Poll::Ready(())
    }
}

/// A TCP connection that tells its line what it writes.
pub(super) struct Counted {
    stream: TcpStream,
    /// None where the kernel does not tell what was acknowledged. Nobody else keeps it: its socket is open as long.
    line: Option<Arc<Line>>,
}

impl Counted {
    pub(super) fn new(stream: TcpStream, lines: &Arc<Lines>) -> Self {
        let line = lines.join(&stream);
        Self { stream, line }
    }

    /// Dangling where there is none.
    pub(super) fn line(&self) -> Weak<Line> {
        self.line.as_ref().map_or_else(Weak::new, Arc::downgrade)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let (Poll::Ready(Ok(count)), Some(line)) = (&written, &self.line) {
            line.on_written(*count);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// How often the kernel is asked while somebody waits.
const TICK: Duration = Duration::from_millis(2);

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests {
    use std::future::poll_fn;

    use futures::{AsyncWriteExt, task::noop_waker_ref};
    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpStream as Socket},
        task::yield_now,
        time::timeout,
    };

    use super::*;

    /// A connection of a node, and its peer's end.
    async fn connected(lines: &Arc<Lines>) -> (Counted, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialing = Socket::connect(listener.local_addr().unwrap());
        let (ours, theirs) = tokio::join!(dialing, listener.accept());
        (Counted::new(TcpStream(ours.unwrap()), lines), theirs.unwrap().0)
    }

    fn is_ready(line: &Line) -> bool {
        Turn::default().poll(&mut Context::from_waker(noop_waker_ref()), line).is_ready()
    }

    /// Asks the kernel again and again until it is so.
    async fn until(line: &Line, so: impl Fn() -> bool) {
        let asking = async {
            while !so() {
                line.refresh(Instant::now());
                yield_now().await;
            }
        };
        timeout(BOUND, asking).await.expect("it is never so");
    }

    #[tokio::test]
    async fn what_the_peer_acknowledges_is_no_longer_held() {
        let lines = Arc::new(Lines::new());
        let (mut stream, mut peer) = connected(&lines).await;
        stream.write_all(&[1; 100_000]).await.unwrap();
        let line = stream.line().upgrade().unwrap();
        assert_eq!(line.written.load(Ordering::Relaxed), 100_000);
        peer.read_exact(&mut [0; 100_000]).await.unwrap();
        until(&line, || line.acknowledged.load(Ordering::Relaxed) == 100_000).await;
        assert!(is_ready(&line));
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_another_connection_is_acknowledged() {
        let lines = Arc::new(Lines::new());
        let (stream, _peer) = connected(&lines).await;
        let line = stream.line().upgrade().unwrap();
        let other = lines.uplink.join(Instant::now());
        other.on_writing(Instant::now(), 1 << 20);
        assert!(!is_ready(&line), "the other one holds more than the first window");
        let mut turn = Turn::default();
        let waiting = poll_fn(|cx| turn.poll(cx, &line));
        let ending = async {
            other.on_sent(1 << 20);
            other.on_in_flight(Instant::now(), 0);
        };
        tokio::join!(timeout(BOUND, waiting), ending).0.expect("nobody woke it");
    }

    #[tokio::test]
    async fn who_acknowledges_nothing_stops_others_for_a_moment_only() {
        let lines = Arc::new(Lines::new());
        let (stream, _peer) = connected(&lines).await;
        let line = stream.line().upgrade().unwrap();
        let silent = lines.uplink.join(Instant::now());
        silent.on_writing(Instant::now(), 1 << 20);
        let mut turn = Turn::default();
        timeout(BOUND, poll_fn(|cx| turn.poll(cx, &line))).await.expect("it waits without end");
        assert!(is_ready(&line), "the silent one no longer counts");
    }

    #[tokio::test]
    async fn a_connection_holds_no_more_than_the_kernels_window() {
        let lines = Arc::new(Lines::new());
        let (stream, _peer) = connected(&lines).await;
        let line = stream.line().upgrade().unwrap();
        line.window.store(1000, Ordering::Relaxed);
        line.member.on_writing(Instant::now(), 999);
        assert!(is_ready(&line));
        line.member.on_writing(Instant::now(), 1);
        assert!(!is_ready(&line));
    }

    #[tokio::test]
    async fn the_socket_closes_with_its_stream() {
        let lines = Arc::new(Lines::new());
        let (stream, mut peer) = connected(&lines).await;
        let line = stream.line();
        drop(stream);
        assert!(line.upgrade().is_none());
        let end = timeout(BOUND, peer.read(&mut [0])).await.expect("it stays open");
        assert_eq!(end.unwrap(), 0);
    }

    const BOUND: Duration = Duration::from_secs(10);
}
