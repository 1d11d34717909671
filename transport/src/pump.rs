//! The two tasks that move the bytes of a link. Neither ever waits for the driver.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
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
    let mut writer = Writer::new(stream, Arc::clone(&queue), events);
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

struct Writer<S> {
    stream: S,
    queue: Arc<SendQueue>,
    events: EventSender,
    /// The beginning of what is written next: a write costs a header and a turn of the multiplexer.
    scratch: Vec<u8>,
    /// What `scratch` will release, for control and data.
    scratch_costs: [usize; 2],
    /// The scratch begins with a frame of data: control may go first.
    overtakable: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Writer<S> {
    fn new(stream: S, queue: Arc<SendQueue>, events: EventSender) -> Self {
        let scratch = Vec::with_capacity(SCRATCH_BYTES);
        Self { stream, queue, events, scratch, scratch_costs: [0; 2], overtakable: false }
    }

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

    /// Control is never written together with data, which may have to wait.
    async fn write_frame(&mut self, frame: Queued) -> io::Result<()> {
        let prefix = frame.prefix.as_slice();
        let full = self.scratch.len() + prefix.len() > SCRATCH_BYTES;
        if full || self.scratch_costs[1 - frame.class as usize] > 0 {
            self.write_scratch().await?;
        }
        if self.scratch.is_empty() {
            self.overtakable = frame.class == Class::Data;
        }
        self.scratch.extend_from_slice(prefix);
        self.scratch_costs[frame.class as usize] += frame.cost - frame.bytes;
        for chunk in frame.chunks {
            let joined = chunk.len().min(SCRATCH_BYTES - self.scratch.len());
            self.scratch.extend_from_slice(&chunk[..joined]);
            self.scratch_costs[frame.class as usize] += joined;
            if joined < chunk.len() {
                self.write_scratch().await?;
                self.write_directly(frame.class, &chunk[joined..]).await?;
            }
        }
        Ok(())
    }

    async fn write_directly(&mut self, class: Class, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write_some(bytes).await?;
            self.release(class, count);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    async fn write_scratch(&mut self) -> io::Result<()> {
        let mut start = 0;
        while start < self.scratch.len() {
            let overtakable = self.overtakable && start == 0;
            tokio::select! {
                biased;
                count = self.stream.write(&self.scratch[start..]) => match count? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    count => start += count,
                },
                () = self.queue.woken(), if overtakable => self.write_control().await?,
            }
        }
        self.scratch.clear();
        self.overtakable = false;
        for class in [Class::Control, Class::Data] {
            let cost = std::mem::take(&mut self.scratch_costs[class as usize]);
            self.release(class, cost);
        }
        Ok(())
    }

    /// Writes what control there is, ahead of the scratch.
    async fn write_control(&mut self) -> io::Result<()> {
        let mut control = VecDeque::new();
        self.queue.take_control(&mut control);
        for frame in control {
            let mut bytes = frame.prefix.as_slice().to_vec();
            frame.chunks.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let count = self.write_some(rest).await?;
                rest = &rest[count..];
            }
            self.release(frame.class, frame.cost);
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

/// Size of the buffer in which pieces are joined: a shard is one write.
const SCRATCH_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        sync::atomic::{AtomicBool, Ordering},
        task::{Context, Poll},
    };

    use futures::FutureExt;

    use super::*;
    use crate::{inbox, queue::SHORT_BYTES_MAX};

    /// Takes short pieces always, others while it is open.
    struct Gated {
        open: Arc<AtomicBool>,
        written: Vec<u8>,
    }

    impl AsyncRead for Gated {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Gated {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if bytes.len() > SHORT_BYTES_MAX && !self.open.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            self.written.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// The sizes of the frames in a stream's bytes.
    fn sizes(written: &[u8]) -> Vec<usize> {
        let mut deframer = Deframer::new(1 << 20, Default::default());
        let (mut rest, mut sizes) = (written, Vec::new());
        loop {
            while let Some(frame) = deframer.next().unwrap() {
                sizes.push(frame.len());
            }
            if rest.is_empty() {
                return sizes;
            }
            let space = deframer.space();
            let count = rest.len().min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            deframer.advance(count);
            rest = &rest[count..];
        }
    }

    #[test]
    fn control_overtakes_data_that_the_stream_does_not_take_yet() {
        let (events, _receiver) = inbox::channel();
        let queue = Arc::new(SendQueue::new(LinkId::new(0), 100_000));
        let push = |class, bytes| queue.push(class, vec![vec![1; bytes].into()]).unwrap();
        let open = Arc::new(AtomicBool::new(false));
        let stream = Gated { open: Arc::clone(&open), written: Vec::new() };
        let mut writer = Writer::new(stream, Arc::clone(&queue), events);
        {
            let mut running = pin!(writer.run());
            push(Class::Data, 16_000);
            push(Class::Data, 50_000);
            assert!(running.as_mut().now_or_never().is_none());
            push(Class::Control, 100);
            assert!(running.as_mut().now_or_never().is_none());
            open.store(true, Ordering::Relaxed);
            push(Class::Control, 200);
            queue.drain();
            assert!(running.now_or_never().is_some_and(|end| end.is_ok()));
        }
        let sizes = sizes(&writer.stream.written);
        assert_eq!(sizes[0], 100, "it went ahead: {sizes:?}");
        assert_eq!(sizes.iter().filter(|size| **size > 1000).collect::<Vec<_>>(), [&16_000, &50_000]);
        assert_eq!(sizes.len(), 4);
    }
}
