//! The other implementations: how to start each, and what it can do.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One implementation of GossipSub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// rust-libp2p.
    Rust,
}

impl Kind {
    /// How to start it, or `None`, with a line that says so, if it is not installed here.
    pub(crate) fn command(self) -> Option<Command> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // What `interop/setup` installs, the program, and its arguments.
        let (installed, program, arguments): (&str, PathBuf, &[&str]) = match self {
            Self::Rust => ("", env!("CARGO_BIN_EXE_interop-rust").into(), &[]),
        };
        if !root.join(installed).exists() {
            // Not `eprintln`, which the test harness keeps to itself.
            let _ = writeln!(io::stderr(), "skipped: {self:?} is not installed; see interop/README.md");
            return None;
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root);
        Some(command)
    }

    /// Its largest message that is tested, bytes.
    pub(crate) fn message_bytes_max(self) -> usize {
        match self {
            Self::Rust => 1 << 20,
        }
    }

    /// Whether it tells who is in its mesh.
    pub(crate) fn tells_mesh(self) -> bool {
        self == Self::Rust
    }
}
