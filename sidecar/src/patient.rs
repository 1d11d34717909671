//! A socket whose end is noticed a moment late, so that what came before it is not lost.
//!
//! Publishers send and exit. Their command and the end of their connection then often arrive together, and h2
//! forgets streams that it has read but not yet handed out once it sees the end, or once a write fails. Here the
//! end of reading waits a moment, and failed writes are left for reading to report: a connection that cannot be
//! written cannot be read for long either, and what was already received can still be read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// See the module.
pub(crate) struct Patient {
    socket: TcpStream,
    ending: Option<Ending>,
}

struct Ending {
    how: Option<io::Error>,
    moment: Pin<Box<Sleep>>,
}

impl Patient {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket, ending: None }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            let filled = buffer.filled().len();
            let how = match ready!(Pin::new(&mut self.socket).poll_read(cx, buffer)) {
                Ok(()) if buffer.filled().len() > filled || buffer.remaining() == 0 => {
                    return Poll::Ready(Ok(()));
                }
                Ok(()) => None,
                Err(error) => Some(error),
            };
            self.ending = Some(Ending { how, moment: Box::pin(sleep(MOMENT)) });
        }
        let Some(ending) = &mut self.ending else { return Poll::Ready(Ok(())) };
        ready!(ending.moment.as_mut().poll(cx));
        Poll::Ready(ending.how.take().map_or(Ok(()), Err))
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes));
        Poll::Ready(written.or(Ok(bytes.len())))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, slices));
        Poll::Ready(written.or_else(|_| Ok(slices.iter().map(|slice| slice.len()).sum())))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _reading_reports_it = ready!(Pin::new(&mut self.socket).poll_flush(cx));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// Long enough for h2 to hand out what it has read, too short for anyone to notice.
const MOMENT: Duration = Duration::from_millis(20);
