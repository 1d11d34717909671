//! What the streams of one connection share, and how each of them writes.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures::{AsyncWrite, FutureExt};
use quinn::{SendStream, WriteError};
use tokio::time::{Sleep, sleep, sleep_until};

use super::{controller::Counting, window::SendWindow};
use crate::{
    queue::SHORT_BYTES_MAX,
    uplink::{Member, PATIENCE, Room},
};

/// One connection, and what it may hold.
pub(crate) struct Path {
    pub(super) connection: quinn::Connection,
    window: Mutex<SendWindow>,
    /// Its part of the node's window; every connection of ours has one.
    member: Option<Arc<Member>>,
}

impl Path {
    pub(super) fn new(connection: quinn::Connection, send_window_bytes_max: u64) -> Self {
        let window = Mutex::new(SendWindow::new(send_window_bytes_max));
        let member = Counting::member_of(&connection);
        Self { connection, window, member }
    }

    /// Follows the path with the connection's window before something is written: its bytes.
    fn adjust_window(&self) -> u64 {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if window.is_due(now) {
            let path = self.connection.stats().path;
            if let Some(bytes) = window.adjust(now, path.rtt, path.min_rtt) {
                self.connection.set_send_window(bytes + SHORT_RESERVE_BYTES);
            }
        }
        window.bytes()
    }

    fn on_limited(&self) {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).on_limited();
    }

    /// Told before quinn can send them.
    fn on_writing(&self, bytes: usize) {
        if let Some(member) = &self.member {
            member.on_writing(Instant::now(), bytes);
        }
    }

    /// Not all of them were taken.
    fn on_left(&self, bytes: usize) {
        if let Some(member) = self.member.as_ref().filter(|_| bytes > 0) {
            member.on_left(bytes);
            self.on_limited();
        }
    }
}

/// One stream's way to write: in turn with the node's other connections, and not more than the path carries.
pub(super) struct Paced {
    path: Arc<Path>,
    /// How long it waits for others.
    patience: Option<Pin<Box<Sleep>>>,
    /// When the uplink has sent enough of what was written before.
    turn: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(super) const fn new(path: Arc<Path>) -> Self {
        Self { path, patience: None, turn: None }
    }

    /// Ready when the stream may write, with the bytes there is room for: at least one, and `wanted` at most.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<usize> {
        let window = self.path.adjust_window();
        let Some(member) = &self.path.member else { return Poll::Ready(wanted) };
        let room = loop {
            match member.room(cx, Instant::now(), window) {
                Room::Bytes(room) => break usize::try_from(room).map_or(wanted, |room| room.min(wanted)),
                Room::After(at) => {
                    let turn = self.turn.get_or_insert_with(|| Box::pin(sleep_until(at.into())));
                    if turn.deadline() < at.into() {
                        turn.as_mut().reset(at.into());
                    }
                    ready!(turn.poll_unpin(cx));
                }
                none @ (Room::HoldsItsOwn | Room::OthersHoldAll) => {
                    if none == Room::HoldsItsOwn {
                        self.path.on_limited();
                    }
                    let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
                    ready!(patience.poll_unpin(cx));
                    member.on_patience_end(Instant::now());
                    break wanted;
                }
            }
        };
        self.patience = None;
        Poll::Ready(room)
    }

    /// As [`AsyncWrite::poll_write`]. What is short waits for nobody.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        send: &mut SendStream,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room =
            if bytes.len() > SHORT_BYTES_MAX { ready!(self.poll_room(cx, bytes.len())) } else { bytes.len() };
        self.path.on_writing(room);
        let written = AsyncWrite::poll_write(Pin::new(send), cx, &bytes[..room]);
        let taken = if let Poll::Ready(Ok(count)) = &written { *count } else { 0 };
        self.path.on_left(room - taken);
        written
    }

    /// Writes all of `chunks`, without copying them.
    pub(super) async fn write_all(
        &mut self,
        send: &mut SendStream,
        mut chunks: Vec<Bytes>,
    ) -> Result<(), WriteError> {
        loop {
            let left: usize = chunks.iter().map(Bytes::len).sum();
            if left == 0 {
                return Ok(());
            }
            let room = poll_fn(|cx| self.poll_room(cx, left)).await;
            let mut piece = split_to(&mut chunks, room.max(PIECE_BYTES));
            let bytes = left - chunks.iter().map(Bytes::len).sum::<usize>();
            self.path.on_writing(bytes);
            send.write_all_chunks(&mut piece).await?;
        }
    }
}

/// The first `bytes` of `chunks`, or all of them, which are left without those.
fn split_to(chunks: &mut Vec<Bytes>, mut bytes: usize) -> Vec<Bytes> {
    let whole = chunks.iter().take_while(|chunk| {
        let fits = chunk.len() <= bytes;
        bytes -= if fits { chunk.len() } else { 0 };
        fits
    });
    let whole = whole.count();
    let mut first: Vec<Bytes> = chunks.drain(..whole).collect();
    if let Some(chunk) = chunks.first_mut().filter(|_| bytes > 0) {
        first.push(chunk.split_to(bytes));
    }
    first
}

/// At least so much is handed over at once, even if it is a little more than there is room for.
const PIECE_BYTES: usize = 8 << 10;

/// What a connection may hold beyond its window, so that what is short never waits behind what is not.
pub(super) const SHORT_RESERVE_BYTES: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_split_anywhere() {
        for bytes in 0..=8 {
            let mut rest: Vec<Bytes> = ["ab", "", "cde", "f"].map(Bytes::from).to_vec();
            let first = split_to(&mut rest, bytes);
            let joined = |chunks: &[Bytes]| String::from_utf8(chunks.concat()).unwrap();
            let at = bytes.min(6);
            assert_eq!((&*joined(&first), &*joined(&rest)), "abcdef".split_at(at));
        }
    }
}
