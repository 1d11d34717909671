//! A process whose lines are read as they come; it ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Which stream a line came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    Stdout,
    Stderr,
}

/// A running process.
pub(crate) struct Watched {
    child: Child,
    lines: Receiver<(From, String)>,
    /// Everything so far, for messages of failed tests.
    pub(crate) seen: Vec<(From, String)>,
}

impl Watched {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        read(child.stdout.take().unwrap(), From::Stdout, sender.clone());
        read(child.stderr.take().unwrap(), From::Stderr, sender);
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with this text; panics with all lines when it does not come in time.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LINE_MAX;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((from, line)) => {
                    self.seen.push((from, line.clone()));
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line with {text:?} in time: {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without a line with {text:?}: {:#?}", self.seen)
                }
            }
        }
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end and gives how it ended; everything it wrote is in `seen` then.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LINE_MAX;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                // Both pipes are closed: it has ended or is about to.
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("did not end in time: {:#?}", self.seen),
            }
        }
    }

    /// The lines so far of one stream.
    pub(crate) fn lines_of(&self, from: From) -> Vec<&str> {
        self.seen.iter().filter(|(other, _)| *other == from).map(|(_, line)| line.as_str()).collect()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn read(stream: impl Read + Send + 'static, from: From, sender: Sender<(From, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send((from, line)).is_err() {
                return;
            }
        }
    });
}

/// Longest wait for one thing; far more than it takes, also on a busy machine.
const LINE_MAX: Duration = Duration::from_secs(20);
