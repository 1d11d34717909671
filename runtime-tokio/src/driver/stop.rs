//! The polite end of a node.
//!
//! Topics are not left: a PRUNE would keep this peer out of its neighbours' meshes for the time of their
//! backoff, and it may be back in a second. The end of its links tells them all they need.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use braidcast_protocol::{Event, LinkId};
use braidcast_transport::EventReceiver;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Driver;
use crate::handle::{COMMANDS_MAX, Command};

/// A request to stop.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) patience: Duration,
    pub(super) reply: oneshot::Sender<()>,
}

/// The handles' end while the node is stopping.
struct Waiting {
    commands: mpsc::Receiver<Command>,
    replies: Vec<oneshot::Sender<()>>,
}

impl Waiting {
    /// Takes commands for as long as it is polled: others who want the node to stop are told when it has, all
    /// else is dropped, which their callers see as [`crate::NodeError::Stopped`]. Cancel safe.
    async fn refuse_commands(&mut self) -> Infallible {
        while let Some(command) = self.commands.recv().await {
            if let Command::Shutdown { reply, .. } = command
                && self.replies.len() < COMMANDS_MAX
            {
                self.replies.push(reply);
            }
        }
        // Nobody is left to ask.
        std::future::pending().await
    }
}

impl Driver {
    /// Sends what is waiting to be sent, closes all links, ends all listeners; then answers.
    pub(super) async fn stop(
        mut self,
        mut events: EventReceiver,
        commands: mpsc::Receiver<Command>,
        Stop { patience, reply }: Stop,
    ) {
        let mut waiting = Waiting { commands, replies: vec![reply] };
        let until = Instant::now() + patience.min(PATIENCE_MAX);
        tokio::select! {
            never = waiting.refuse_commands() => match never {},
            () = async {
                self.drain(&mut events, until).await;
                self.close_all(&mut events, until).await;
            } => {}
        }
        // Listeners end before those who asked go on.
        drop(self);
        for reply in waiting.replies {
            let _ = reply.send(());
        }
    }

    /// Goes on as before, but for commands, until each link was idle once.
    ///
    /// Under steady traffic links are never idle all at the same time. One that was idle has sent all that
    /// was accepted before the stop.
    async fn drain(&mut self, events: &mut EventReceiver, until: Instant) {
        let mut busy: BTreeSet<LinkId> = self.links.ids().into_iter().collect();
        loop {
            busy.retain(|link| !self.is_idle(*link));
            if busy.is_empty() {
                return;
            }
            self.set_alarm();
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                event = events.recv() => match event {
                    Some(event) => self.on_event(event),
                    None => return,
                },
                () = self.alarm.ring() => self.input(Event::Wake),
            }
        }
    }

    /// Whether a link has nothing queued, and the core nothing for it.
    fn is_idle(&mut self, link: LinkId) -> bool {
        let Some(handle) = self.links.find(link).map(|link| link.handle) else { return true };
        let idle = self.send_window_bytes;
        if self.transport.room(handle) < idle {
            return false;
        }
        // The core may not have heard yet that there is room.
        self.input(Event::LinkReady { link, bytes: idle });
        self.transport.room(handle) >= idle
    }

    /// Ends the transport, which sends what it has taken.
    async fn close_all(&self, events: &mut EventReceiver, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        tokio::select! {
            () = self.transport.shutdown(left) => {}
            // It waits for a reader of its events when there are too many.
            never = discard(events) => match never {},
            // It keeps the deadline itself; this is for the case that it cannot.
            () = tokio::time::sleep(left + GRACE) => tracing::warn!("the transport did not stop in time"),
        }
    }
}

async fn discard(events: &mut EventReceiver) -> Infallible {
    while events.recv().await.is_some() {}
    std::future::pending().await
}

/// Longest patience of a shutdown; a longer one is taken for this.
const PATIENCE_MAX: Duration = Duration::from_secs(3600);

/// How much later than agreed the transport may stop.
const GRACE: Duration = Duration::from_secs(1);
