//! The task that reads a link's frames.

use std::sync::Arc;

use bytes::Bytes;
use futures::{AsyncReadExt, FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::Stream;
use quinn::RecvStream;
use tokio::sync::{Semaphore, watch};

use crate::{
    Event, FrameFault, LinkId,
    frame::Deframer,
    inbox::EventSender,
    queue::FRAME_COST_MIN,
    quic::{Inbound, SIDE_FRAME_BYTES_MAX, SIDE_STREAMS_MAX, side},
};

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
/// write half would tell some peers that we are gone. `side` brings what the peer sends beside it.
pub(crate) async fn read_link(
    stream: Stream,
    side: Option<Inbound>,
    inlet: Inlet,
    deframer: Deframer,
) -> ReadEnd {
    let (arrived, arrivals) = watch::channel(0);
    let bytes_max = deframer.frame_bytes_max();
    let ordered = read_ordered(stream, inlet.clone(), deframer, arrived);
    let Some(side) = side else { return ordered.await };
    let mut aside = Aside { side, inlet, arrivals, bytes_max, reading: FuturesUnordered::new() };
    tokio::select! {
        end = ordered => match aside.finish().await {
            Ok(()) => end,
            Err(fault) => ReadEnd::Malformed(fault),
        },
        fault = aside.run() => ReadEnd::Malformed(fault),
    }
}

/// Reads the first stream, and counts its frames.
async fn read_ordered(
    mut stream: Stream,
    mut inlet: Inlet,
    mut deframer: Deframer,
    arrived: watch::Sender<u64>,
) -> ReadEnd {
    loop {
        loop {
            match deframer.next() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if inlet.deliver(frame).await.is_none() {
                        return ReadEnd::Ended;
                    }
                    arrived.send_modify(|count| *count += 1);
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

/// Reads the streams beside the first one.
struct Aside {
    side: Inbound,
    inlet: Inlet,
    /// Frames of the first stream.
    arrivals: watch::Receiver<u64>,
    bytes_max: usize,
    /// At most [`SIDE_STREAMS_MAX`].
    reading: FuturesUnordered<BoxFuture<'static, Result<(), FrameFault>>>,
}

impl Aside {
    /// Until the peer breaks the framing.
    async fn run(&mut self) -> FrameFault {
        loop {
            let more = self.reading.len() < SIDE_STREAMS_MAX as usize;
            tokio::select! {
                stream = self.side.accept(), if more => match stream {
                    Some(stream) => self.read(stream),
                    // The first stream ends as well.
                    None => std::future::pending().await,
                },
                end = self.reading.next(), if !self.reading.is_empty() => if let Some(Err(fault)) = end {
                    self.inlet.accuse(fault).await;
                    return fault;
                },
            }
        }
    }

    /// Hands in what has arrived until the first stream ended. The peer ends it when we have received all.
    async fn finish(&mut self) -> Result<(), FrameFault> {
        loop {
            while self.reading.len() < SIDE_STREAMS_MAX as usize
                && let Some(Some(stream)) = self.side.accept().now_or_never()
            {
                self.read(stream);
            }
            match self.reading.next().await {
                Some(Ok(())) => {}
                Some(Err(fault)) => {
                    self.inlet.accuse(fault).await;
                    return Err(fault);
                }
                None => return Ok(()),
            }
        }
    }

    fn read(&mut self, stream: RecvStream) {
        let (mut inlet, mut arrivals, bytes_max) =
            (self.inlet.clone(), self.arrivals.clone(), self.bytes_max);
        let reading = async move {
            if let Some((barrier, frame)) = side::read(stream, bytes_max.min(SIDE_FRAME_BYTES_MAX)).await?
                && arrivals.wait_for(|count| *count >= barrier).await.is_ok()
            {
                // Without a link there is nobody who wants it.
                let _ = inlet.deliver(frame).await;
            }
            Ok(())
        };
        self.reading.push(reading.boxed());
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
