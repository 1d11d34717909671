//! The peer's side of the lines, for peers written in Rust.

use std::io::{self, BufRead, Write};
use std::thread;

use tokio::sync::mpsc;

use crate::wire::{Command, Event};

/// The commands from standard input; ends with it.
pub fn commands() -> mpsc::Receiver<Command> {
    let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
    // A thread, since standard input can only be read by blocking.
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let command = match serde_json::from_str(&line) {
                Ok(command) => command,
                Err(error) => {
                    fail(&format!("{line:?}: {error}"));
                    continue;
                }
            };
            if sender.blocking_send(command).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Writes one event. If nobody listens any more, there is nobody to tell.
pub fn tell(event: &Event) {
    let line = serde_json::to_string(event).expect("events are plain data");
    let _gone = writeln!(io::stdout().lock(), "{line}");
}

/// Tells of a failure.
pub fn fail(what: &dyn ToString) {
    tell(&Event::Error { text: what.to_string() });
}

/// Commands that wait; the driver waits for what a command causes before it sends many.
const COMMANDS_MAX: usize = 64;
