//! The lines between a node and its driver: commands in, events out.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::str::FromStr;
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

/// What the driver asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Connect to the peer that said it is ready at this address.
    Dial(String),
    /// Publish message `id` of `size` bytes.
    Publish { size: usize, id: u64 },
    /// Say how things are.
    Stats,
    /// End.
    Quit,
}

/// What the driver is told.
#[derive(Debug)]
pub(crate) enum Event {
    Ready { address: String },
    Published { id: u64, unix_ns: u64 },
    Deliver { id: u64, unix_ns: u64 },
    Corrupt { id: u64, unix_ns: u64 },
    Stats(serde_json::Value),
    Log(String),
}

/// Where events go.
pub(crate) type Events = mpsc::Sender<Event>;

impl FromStr for Command {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match *words {
            ["DIAL", address] => Ok(Self::Dial(address.to_owned())),
            ["PUB", size, id] => Ok(Self::Publish { size: number("size", size)?, id: number("id", id)? }),
            ["STATS"] => Ok(Self::Stats),
            ["QUIT"] => Ok(Self::Quit),
            _ => Err("want DIAL <address>, PUB <size> <id>, STATS or QUIT".to_owned()),
        }
    }
}

fn number<T: FromStr>(what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{what} {text:?} is not a whole number of 64 bits"))
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { address } => write!(f, "READY {address}"),
            Self::Published { id, unix_ns } => write!(f, "PUBLISHED {id} {unix_ns}"),
            Self::Deliver { id, unix_ns } => write!(f, "DELIVER {id} {unix_ns}"),
            Self::Corrupt { id, unix_ns } => write!(f, "CORRUPT {id} {unix_ns}"),
            Self::Stats(values) => write!(f, "STATS {values}"),
            Self::Log(text) => write!(f, "LOG {}", text.replace(['\n', '\r'], " ")),
        }
    }
}

/// Commands from standard input, or what is wrong with a line. Its end means [`Command::Quit`].
pub(crate) fn commands() -> mpsc::Receiver<Result<Command, String>> {
    let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
    // A thread, since standard input can only be read by blocking.
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let command = line.parse().map_err(|why: String| format!("bad line {line:?}: {why}"));
            if sender.blocking_send(command).is_err() {
                return;
            }
        }
        let _ended_already = sender.blocking_send(Ok(Command::Quit));
    });
    receiver
}

/// Writes events to standard output until all senders are gone; then the thread ends.
pub(crate) fn events() -> (Events, JoinHandle<io::Result<()>>) {
    let (sender, mut receiver) = mpsc::channel::<Event>(EVENTS_MAX);
    let writer = thread::spawn(move || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        while let Some(event) = receiver.blocking_recv() {
            writeln!(out, "{event}")?;
            while let Ok(event) = receiver.try_recv() {
                writeln!(out, "{event}")?;
            }
            out.flush()?;
        }
        Ok(())
    });
    (sender, writer)
}

/// The clock that all nodes of a machine share, nanoseconds since 1970.
pub(crate) fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_nanos()).expect("the clock is before 2554")
}

/// Commands that wait for the node.
const COMMANDS_MAX: usize = 1024;

/// Events that wait for the driver, which reads all the time.
const EVENTS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        assert_eq!("DIAL /ip4/1.2.3.4".parse(), Ok(Command::Dial("/ip4/1.2.3.4".to_owned())));
        assert_eq!("PUB 1024 7\r".parse(), Ok(Command::Publish { size: 1024, id: 7 }));
        assert_eq!("STATS".parse(), Ok(Command::Stats));
        assert_eq!("QUIT".parse(), Ok(Command::Quit));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (line, why) in [
            ("PUB 10", "want DIAL"),
            ("PUB ten 1", "size \"ten\""),
            ("PUB 10 -1", "id \"-1\""),
            ("", "want DIAL"),
            ("pub 1 2", "want DIAL"),
        ] {
            let refused = line.parse::<Command>().expect_err(line);
            assert!(refused.starts_with(why), "{line}: {refused}");
        }
    }

    #[test]
    fn an_event_is_one_line() {
        let log = Event::Log("two\nlines".to_owned());
        assert_eq!(log.to_string(), "LOG two lines");
    }
}
