//! Frames that need not keep their order: each on a unidirectional stream of its own, beside the link's first stream.
//!
//! A lost packet holds up everything behind it on its stream. So frames that others need not wait for do not share one,
//! and what does share the first one waits for no shard. libp2p uses bidirectional streams only, so nobody else's are
//! taken for these. Layout of such a stream: an unsigned varint, the *barrier*; then the frame, until the stream ends.
//! The barrier counts frames of the first stream: so many of them are handed over before this one.
//!
//! Nobody may open such a stream until the other side reads them, which it says by QUIC's MAX_STREAMS. Where it never
//! does, as in other implementations or where it does not find its connection, all frames go on the first stream.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::FutureExt;
use quinn::{ReadToEndError, RecvStream, SendStream, VarInt, WriteError};

use super::path::{Paced, Path};
use crate::{
    FrameFault,
    frame::{Prefix, VARINT_BYTES_MAX, read_varint},
};

/// Opens such streams of one connection.
pub(crate) struct Outbound {
    path: Arc<Path>,
    paced: Paced,
    /// The latest streams. More can not be unread.
    recent: VecDeque<SendStream>,
    /// When to look at the round trip again.
    due: Option<Instant>,
    /// The round trip that was told last.
    told: Duration,
}

impl Outbound {
    pub(super) fn new(path: Arc<Path>) -> Self {
        let paced = Paced::new(Arc::clone(&path));
        Self { path, paced, recent: VecDeque::new(), due: None, told: Duration::ZERO }
    }

    /// A stream for one frame, if the peer lets us open one now.
    pub(crate) fn open(&self) -> Option<SendStream> {
        self.path.connection.open_uni().now_or_never()?.ok()
    }

    /// Sends a frame that the peer handles after the first `barrier` frames of the first stream. Done when quinn has
    /// taken it.
    pub(crate) async fn send(
        &mut self,
        mut stream: SendStream,
        barrier: u64,
        chunks: &[Bytes],
    ) -> io::Result<()> {
        let barrier = Bytes::copy_from_slice(Prefix::new(barrier).as_slice());
        let chunks = std::iter::once(barrier).chain(chunks.iter().cloned()).collect();
        match self.paced.write_all(&mut stream, chunks).await {
            Ok(()) => {
                // It fails only if the peer has stopped the stream, and does not want the frame.
                let _ = stream.finish();
                self.recent.push_back(stream);
                if self.recent.len() > SIDE_STREAMS_MAX as usize {
                    self.recent.pop_front();
                }
                Ok(())
            }
            Err(WriteError::Stopped(_)) => Ok(()),
            Err(
                error @ (WriteError::ConnectionLost(_)
                | WriteError::ClosedStream
                | WriteError::ZeroRttRejected),
            ) => Err(error.into()),
        }
    }

    /// Waits until a frame would be taken at once.
    pub(crate) async fn room(&mut self) {
        poll_fn(|cx| self.paced.poll_room(cx, 1)).await;
    }

    /// The smoothed round trip, and the packets lost so far, if the former has changed: looked at once in a round trip.
    pub(crate) fn news(&mut self) -> Option<(Duration, u64)> {
        let now = Instant::now();
        if self.due.is_some_and(|due| now < due) {
            return None;
        }
        let path = self.path.connection.stats().path;
        self.due = Some(now + path.rtt);
        let changed = path.rtt.abs_diff(self.told) > self.told / CHANGE_SHARE;
        changed.then(|| {
            self.told = path.rtt;
            (path.rtt, path.lost_packets)
        })
    }

    /// Waits until the peer has received all of them.
    pub(crate) async fn drain(&mut self) {
        for stream in self.recent.drain(..) {
            // An error means that the connection is gone, as others notice, too.
            let _ = stream.stopped().await;
        }
    }
}

/// Takes such streams of one connection.
pub(crate) struct Inbound {
    path: Arc<Path>,
}

impl Inbound {
    /// Lets the peer open streams.
    pub(super) fn new(path: Arc<Path>) -> Self {
        path.connection.set_max_concurrent_uni_streams(VarInt::from_u32(SIDE_STREAMS_MAX));
        Self { path }
    }

    /// The next one; none when the connection has ended.
    pub(crate) async fn accept(&self) -> Option<RecvStream> {
        self.path.connection.accept_uni().await.ok()
    }
}

/// The barrier and the frame of a stream; none if it ends before its time. Of a frame that is much too long only the
/// beginning is read, so the error may say less than its length.
pub(crate) async fn read(
    mut stream: RecvStream,
    bytes_max: usize,
) -> Result<Option<(u64, Bytes)>, FrameFault> {
    let bytes = match stream.read_to_end(bytes_max + VARINT_BYTES_MAX).await {
        Ok(bytes) => Bytes::from(bytes),
        Err(ReadToEndError::TooLong) => {
            return Err(FrameFault::TooLong { bytes: bytes_max as u64 + 1, bytes_max });
        }
        Err(ReadToEndError::Read(_)) => return Ok(None),
    };
    let (barrier, length) = read_varint(&bytes)?.ok_or(FrameFault::BadLength)?;
    let frame = bytes.slice(length..);
    match frame.len() <= bytes_max {
        true => Ok(Some((barrier, frame))),
        false => Err(FrameFault::TooLong { bytes: frame.len() as u64, bytes_max }),
    }
}

/// A change of the round trip that is worth telling.
const CHANGE_SHARE: u32 = 16;

/// Streams that a peer may have open. Each holds one frame at most.
pub(crate) const SIDE_STREAMS_MAX: u32 = 64;

/// Longer frames go on the first stream: what all streams of a connection may hold has a bound.
pub(crate) const SIDE_FRAME_BYTES_MAX: usize = 257 << 10;
