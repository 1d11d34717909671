//! The task that writes a link's frames.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;

use crate::{
    DownCause, Event,
    inbox::EventSender,
    queue::{Class, Queued, SendQueue, Taken},
    quic::{Outbound, SIDE_FRAME_BYTES_MAX},
};

/// Sends what is queued until the queue is closed, has been drained or the stream fails.
///
/// `side` carries what is [`Class::Unordered`], as far as the peer lets it.
pub(crate) async fn write_link(
    stream: Stream,
    side: Option<Outbound>,
    queue: Arc<SendQueue>,
    events: EventSender,
) -> DownCause {
    let mut writer = Writer::new(stream, side, Arc::clone(&queue), events);
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
    side: Option<Outbound>,
    /// Frames written to `stream`.
    frames: u64,
    /// Those of them that frames on other streams may need: all up to the last of [`Class::Data`].
    barrier: u64,
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
    fn new(stream: S, side: Option<Outbound>, queue: Arc<SendQueue>, events: EventSender) -> Self {
        let scratch = Vec::with_capacity(SCRATCH_BYTES);
        Self {
            stream,
            side,
            frames: 0,
            barrier: 0,
            queue,
            events,
            scratch,
            scratch_costs: [0; 2],
            overtakable: false,
        }
    }

    async fn run(&mut self) -> io::Result<()> {
        let mut batch = VecDeque::new();
        let mut half_closed = false;
        loop {
            match self.queue.take_batch(&mut batch) {
                Taken::Frames => {
                    while let Some(frame) = batch.pop_front() {
                        if !self.write_aside(&frame).await? {
                            self.write_frame(frame).await?;
                        }
                    }
                    self.write_scratch().await?;
                }
                Taken::Nothing => self.wait(&mut half_closed).await?,
                Taken::Drained => {
                    self.stream.flush().await?;
                    // Before the first stream ends, so that its end means that there is nothing more.
                    if let Some(side) = &mut self.side {
                        side.drain().await;
                    }
                    return self.stream.close().await;
                }
            }
        }
    }

    /// Writes a frame to a stream of its own, if it may have one. Control goes ahead of it meanwhile.
    async fn write_aside(&mut self, frame: &Queued) -> io::Result<bool> {
        if frame.class != Class::Unordered || frame.bytes > SIDE_FRAME_BYTES_MAX {
            return Ok(false);
        }
        let Some(stream) = self.side.as_ref().and_then(Outbound::open) else { return Ok(false) };
        let Some(mut side) = self.side.take() else { return Ok(false) };
        self.write_scratch().await?;
        {
            let mut sending = pin!(side.send(stream, self.barrier, &frame.chunks));
            loop {
                tokio::select! {
                    biased;
                    result = &mut sending => break result?,
                    () = self.queue.woken() => self.write_control().await?,
                }
            }
        }
        if let Some((rtt, lost)) = side.news() {
            self.events.fact(Event::Stats { link: self.queue.link(), rtt, lost });
        }
        self.side = Some(side);
        self.queue.hold();
        self.release(frame.class, frame.cost);
        Ok(true)
    }

    /// Control is never written together with data, which may have to wait.
    async fn write_frame(&mut self, frame: Queued) -> io::Result<()> {
        self.on_frame(frame.class, false);
        if frame.class == Class::Unordered {
            self.queue.hold();
        }
        let lane = usize::from(frame.class != Class::Control);
        let prefix = frame.prefix.as_slice();
        let full = self.scratch.len() + prefix.len() > SCRATCH_BYTES;
        if full || self.scratch_costs[1 - lane] > 0 {
            self.write_scratch().await?;
        }
        if self.scratch.is_empty() {
            self.overtakable = frame.class != Class::Control;
        }
        self.scratch.extend_from_slice(prefix);
        self.scratch_costs[lane] += frame.cost - frame.bytes;
        for chunk in frame.chunks {
            let joined = chunk.len().min(SCRATCH_BYTES - self.scratch.len());
            self.scratch.extend_from_slice(&chunk[..joined]);
            self.scratch_costs[lane] += joined;
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
        for (lane, class) in [Class::Control, Class::Data].into_iter().enumerate() {
            let cost = std::mem::take(&mut self.scratch_costs[lane]);
            self.release(class, cost);
        }
        Ok(())
    }

    /// Writes what control there is, ahead of the scratch.
    async fn write_control(&mut self) -> io::Result<()> {
        let mut control = VecDeque::new();
        self.queue.take_control(&mut control);
        for frame in control {
            self.on_frame(frame.class, self.overtakable);
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

    /// A frame goes on the first stream, perhaps ahead of one that was counted before.
    fn on_frame(&mut self, class: Class, overtakes: bool) {
        self.frames += 1;
        if class == Class::Data || overtakes {
            self.barrier = self.frames;
        }
    }

    fn release(&self, class: Class, bytes: usize) {
        if bytes > 0 && self.queue.release(class, bytes) {
            self.events.writable(Arc::clone(&self.queue));
        }
    }

    /// Waits for frames, and meanwhile for the path to take more, and for the peer to give up the stream.
    ///
    /// The peer never writes here by the protocol; reading is how a reset shows at once and not at
    /// the next write. An end of file means nothing: some peers close the half they do not use.
    async fn wait(&mut self, half_closed: &mut bool) -> io::Result<()> {
        let (mut flushed, mut junk) = (false, [0; 64]);
        loop {
            let Self { stream, queue, side, .. } = self;
            let held = queue.is_held();
            let reads = !*half_closed;
            let turn = poll_fn(|cx| {
                if held && !flushed {
                    match Pin::new(&mut *stream).poll_flush(cx) {
                        Poll::Ready(end) => return Poll::Ready(end.map(|()| Turn::Flushed)),
                        Poll::Pending => {}
                    }
                }
                let read =
                    if reads { Pin::new(&mut *stream).poll_read(cx, &mut junk) } else { Poll::Pending };
                read.map_ok(Turn::Read)
            });
            tokio::select! {
                () = queue.woken() => return Ok(()),
                turn = turn => match turn? {
                    Turn::Flushed => flushed = true,
                    Turn::Read(count) => *half_closed = count == 0,
                },
                () = room(side), if held && flushed => {
                    if self.queue.let_go() {
                        self.events.writable(Arc::clone(&self.queue));
                    }
                }
            }
        }
    }
}

/// What a stream did that nothing is written to.
enum Turn {
    Flushed,
    Read(usize),
}

/// Waits until another stream beside the first one could write.
async fn room(side: &mut Option<Outbound>) {
    if let Some(side) = side {
        side.room().await;
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
    use crate::{LinkId, frame::Deframer, inbox, queue::SHORT_BYTES_MAX};

    /// Takes short pieces always, others while it is open. Is flushed while it is open.
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
            if self.open.load(Ordering::Relaxed) { Poll::Ready(Ok(())) } else { Poll::Pending }
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
        let mut writer = Writer::new(stream, None, Arc::clone(&queue), events);
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

    #[test]
    fn nobody_is_asked_for_a_shard_before_the_one_before_is_flushed() {
        let (events, _receiver) = inbox::channel();
        let queue = Arc::new(SendQueue::new(LinkId::new(0), 100_000));
        assert!(queue.take_hint().is_some(), "as the driver does at link-up");
        let open = Arc::new(AtomicBool::new(false));
        let stream = Gated { open: Arc::clone(&open), written: Vec::new() };
        let mut writer = Writer::new(stream, None, Arc::clone(&queue), events);
        let mut running = pin!(writer.run());
        // Short enough for the stream to take it.
        queue.push(Class::Unordered, vec![vec![1; 50].into()]).unwrap();
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!((queue.room(), queue.take_hint()), (0, None));
        open.store(true, Ordering::Relaxed);
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!(queue.take_hint(), Some(100_000));
    }

    #[test]
    fn what_needs_data_waits_for_the_control_that_overtook_it_as_well() {
        let (events, _receiver) = inbox::channel();
        let queue = Arc::new(SendQueue::new(LinkId::new(0), 100_000));
        let open = Arc::new(AtomicBool::new(false));
        let stream = Gated { open: Arc::clone(&open), written: Vec::new() };
        let mut writer = Writer::new(stream, None, Arc::clone(&queue), events);
        {
            let mut running = pin!(writer.run());
            queue.push(Class::Data, vec![vec![1; 16_000].into()]).unwrap();
            assert!(running.as_mut().now_or_never().is_none());
            queue.push(Class::Control, vec![vec![1; 100].into()]).unwrap();
            assert!(running.as_mut().now_or_never().is_none());
            open.store(true, Ordering::Relaxed);
            queue.drain();
            assert!(running.now_or_never().is_some_and(|end| end.is_ok()));
        }
        assert_eq!(sizes(&writer.stream.written), [100, 16_000]);
        assert_eq!(writer.barrier, 2, "the data is the second frame now");
    }
}
