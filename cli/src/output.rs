//! The only place that writes to stdout and stderr; logs go through `tracing`.
//!
//! A closed pipe (`braidcast … | head`) is no reason to crash, so failed writes are ignored.

use std::io::{self, Write};

use crate::go;

/// A line of results.
pub(crate) fn line(text: &str) {
    bytes(&[text.as_bytes(), b"\n"]);
}

/// Results as they are, at once: a payload need not be text.
pub(crate) fn bytes(parts: &[&[u8]]) {
    let mut stdout = io::stdout().lock();
    let _closed_pipe = parts.iter().try_for_each(|part| stdout.write_all(part)).and_then(|()| stdout.flush());
}

/// A line for people, on stderr.
pub(crate) fn note(text: &str) {
    let _closed_pipe = writeln!(io::stderr().lock(), "{text}");
}

/// A line as Go's `log` package writes it, on stderr.
pub(crate) fn go_log(text: &str) {
    note(&format!("{} {text}", go::time::log_prefix()));
}
