//! The two tasks that move the bytes of a link. Neither ever waits for the driver.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use tokio::sync::{Semaphore, watch};

use crate::{
    DownCause, Event, FrameFault, LinkId,
    frame::Deframer,
    inbox::EventSender,
    queue::{Class, FRAME_COST_MIN, Queued, SendQueue, Taken},
};

/// Sends what is queued until the queue is closed, has been drained or the stream fails.
pub(crate) async fn write_link(stream: Stream, queue: Arc<SendQueue>, events: EventSender) -> DownCause {
    let mut writer = Writer {
        stream,
        queue: Arc::clone(&queue),
        events,
        scratch: Vec::with_capacity(SCRATCH_BYTES),
        scratch_costs: [0; 2],
    };
    let end = tokio::select! {
        biased;
        () = queue.closed() => None,
        result = writer.run() => Some(result),
    };
    let own = match end {
        None | Some(Ok(())) => DownCause::Shutdown,
        Some(Err(error)) => DownCause::StreamLost { detail: error.to_string() },
    };
    // Whoever closed the queue knows better why than the stream does.
    queue.cause().unwrap_or(own)
}

struct Writer {
    stream: Stream,
    queue: Arc<SendQueue>,
    events: EventSender,
    /// Small pieces are joined here: a write costs a header and a turn of the multiplexer.
    scratch: Vec<u8>,
    /// What `scratch` will release, for control and data.
    scratch_costs: [usize; 2],
}

impl Writer {
    async fn run(&mut self) -> io::Result<()> {
        let mut batch = VecDeque::new();
        let mut half_closed = false;
        loop {
            match self.queue.take_batch(&mut batch) {
                Taken::Frames => {
                    while let Some(frame) = batch.pop_front() {
                        self.write_frame(frame).await?;
                    }
                    self.write_scratch().await?;
                }
                Taken::Nothing => {
                    self.stream.flush().await?;
                    self.wait(&mut half_closed).await?;
                }
                Taken::Drained => {
                    self.stream.flush().await?;
                    return self.stream.close().await;
                }
            }
        }
    }

    async fn write_frame(&mut self, frame: Queued) -> io::Result<()> {
        if self.scratch.len() + frame.prefix.as_slice().len() > SCRATCH_BYTES {
            self.write_scratch().await?;
        }
        self.scratch.extend_from_slice(frame.prefix.as_slice());
        self.scratch_costs[frame.class as usize] += frame.cost - frame.bytes;
        for chunk in frame.chunks {
            if chunk.len() < DIRECT_BYTES_MIN && self.scratch.len() + chunk.len() <= SCRATCH_BYTES {
                self.scratch.extend_from_slice(&chunk);
                self.scratch_costs[frame.class as usize] += chunk.len();
                continue;
            }
            self.write_scratch().await?;
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let count = self.write_some(rest).await?;
                self.release(frame.class, count);
                rest = &rest[count..];
            }
        }
        Ok(())
    }

    async fn write_scratch(&mut self) -> io::Result<()> {
        let mut start = 0;
        while start < self.scratch.len() {
            start += match self.stream.write(&self.scratch[start..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => count,
            };
        }
        self.scratch.clear();
        for class in [Class::Control, Class::Data] {
            let cost = std::mem::take(&mut self.scratch_costs[class as usize]);
            self.release(class, cost);
        }
        Ok(())
    }

    async fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes).await? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => Ok(count),
        }
    }

    fn release(&self, class: Class, bytes: usize) {
        if bytes > 0 && self.queue.release(class, bytes) {
            self.events.writable(Arc::clone(&self.queue));
        }
    }

    /// Waits for frames, and meanwhile for the peer to give up the stream.
    ///
    /// The peer never writes here by the protocol; reading is how a reset shows at once and not at
    /// the next write. An end of file means nothing: some peers close the half they do not use.
    async fn wait(&mut self, half_closed: &mut bool) -> io::Result<()> {
        let mut junk = [0; 64];
        loop {
            tokio::select! {
                () = self.queue.woken() => return Ok(()),
                count = self.stream.read(&mut junk), if !*half_closed => *half_closed = count? == 0,
            }
        }
    }
}

/// Why a reader ended.
#[derive(Debug)]
pub(crate) enum ReadEnd {
    /// The peer closed or reset the stream, or the connection is gone.
    Ended,
    /// The peer broke the framing; this has been reported.
    Malformed(FrameFault),
}

/// Where a reader puts its frames.
#[derive(Clone)]
pub(crate) struct Inlet {
    /// The link of this peer while it is up. Reporting a link's end and handing in a frame
    /// exclude each other: both happen under this lock.
    pub(crate) link: watch::Receiver<Option<LinkId>>,
    /// Bytes the consumer may still be behind.
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) budget_bytes: usize,
    pub(crate) events: EventSender,
}

/// Reads frames until the stream ends; stops reading while the consumer is behind.
///
/// Frames that arrive before the link is up wait. The stream is held as a whole: closing its
/// write half would tell some peers that we are gone.
pub(crate) async fn read_link(mut stream: Stream, mut inlet: Inlet, mut deframer: Deframer) -> ReadEnd {
    loop {
        loop {
            match deframer.next() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if inlet.deliver(frame).await.is_none() {
                        return ReadEnd::Ended;
                    }
                }
                Err(fault) => {
                    inlet.accuse(fault).await;
                    return ReadEnd::Malformed(fault);
                }
            }
        }
        if let Some(start) = deframer.start()
            && inlet.announce(start).await.is_none()
        {
            return ReadEnd::Ended;
        }
        match stream.read(deframer.space()).await {
            Ok(0) | Err(_) => return ReadEnd::Ended,
            Ok(count) => deframer.advance(count),
        }
    }
}

impl Inlet {
    async fn deliver(&mut self, bytes: Bytes) -> Option<()> {
        self.hand_in(bytes.len(), |link| Event::Frame { link, bytes }).await
    }

    async fn announce(&mut self, bytes: Bytes) -> Option<()> {
        self.hand_in(bytes.len(), |link| Event::FrameStart { link, bytes }).await
    }

    /// Waits until the consumer has room for so many bytes; `None` if there will never be a link again.
    async fn hand_in(&mut self, bytes: usize, event: impl FnOnce(LinkId) -> Event) -> Option<()> {
        let cost = bytes.max(FRAME_COST_MIN).min(self.budget_bytes);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.budget).acquire_many_owned(cost).await.ok()?;
        let up = self.link.wait_for(Option::is_some).await.ok()?;
        if let Some(link) = *up {
            self.events.frame(event(link), permit);
        }
        Some(())
    }

    async fn accuse(&mut self, fault: FrameFault) {
        if let Ok(up) = self.link.wait_for(Option::is_some).await
            && let Some(link) = *up
        {
            self.events.fact(Event::Malformed { link, fault });
        }
    }
}

/// Size of the buffer in which small pieces are joined.
const SCRATCH_BYTES: usize = 32 << 10;

/// Pieces of at least this size are written from where they are.
const DIRECT_BYTES_MIN: usize = 8 << 10;
