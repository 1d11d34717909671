//! A line on stderr that shows how far long work is, on terminals only.

use std::io::{self, IsTerminal, Write};

/// The line.
pub(crate) struct Bar {
    unit: &'static str,
    shown: Option<(usize, usize)>,
    terminal: bool,
}

impl Bar {
    /// Shows nothing yet.
    pub(crate) fn new(unit: &'static str) -> Self {
        Self { unit, shown: None, terminal: io::stderr().is_terminal() }
    }

    /// Draws it anew if something changed.
    pub(crate) fn show(&mut self, done: usize, all: usize) {
        if !self.terminal || self.shown == Some((done, all)) {
            return;
        }
        self.shown = Some((done, all));
        let filled = done * WIDTH / all.max(1);
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled.min(WIDTH)));
        self.write(&format!("\r[{bar}] {done}/{all} {}", self.unit));
    }

    /// Takes it away, so that results stand alone.
    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            self.write("\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _closed = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

const WIDTH: usize = 40;
