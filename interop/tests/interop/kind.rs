//! The other implementations: how to start each, and what it can do.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One implementation of GossipSub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// rust-libp2p.
    Rust,
    /// js-libp2p 2 with `@chainsafe/libp2p-gossipsub`.
    Js2,
    /// js-libp2p 3 with `@libp2p/gossipsub`.
    Js3,
    /// py-libp2p.
    Py,
    /// go-libp2p-pubsub in the daemon `p2pd`.
    Go,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Rust, Self::Js2, Self::Js3, Self::Py, Self::Go];

    /// How to start it, or `None`, with a line that says so, if it is not installed here.
    pub(crate) fn command(self) -> Option<Command> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // What `interop/setup` installs, the program, and its arguments.
        let (installed, program, arguments): (&str, PathBuf, &[&str]) = match self {
            Self::Rust => ("", env!("CARGO_BIN_EXE_interop-rust").into(), &[]),
            Self::Js2 => (".cache/js2/node_modules", "node".into(), &["peers/js2/main.mjs"]),
            Self::Js3 => (".cache/js3/node_modules", "node".into(), &["peers/js3/main.mjs"]),
            Self::Py => (".cache/py/bin/python", root.join(".cache/py/bin/python"), &["peers/py/peer.py"]),
            Self::Go => (".cache/go/p2pd", env!("CARGO_BIN_EXE_interop-go").into(), &[".cache/go/p2pd"]),
        };
        if !root.join(installed).exists() {
            self.skip("is not installed; see interop/README.md");
            return None;
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root);
        Some(command)
    }

    /// Says that a test is not run.
    pub(crate) fn skip(self, why: &str) {
        // Not `eprintln`, which the test harness keeps to itself. If nobody reads it, nobody misses it.
        let _ = writeln!(io::stderr(), "skipped: {self:?} {why}");
    }

    /// Its largest message that is tested, bytes.
    pub(crate) fn message_bytes_max(self) -> usize {
        match self {
            Self::Rust | Self::Js2 => 1 << 20,
            // They take RPCs of 1 MiB, which is a little more than the message in it.
            Self::Py | Self::Go => 1_000_000,
            // Over TCP it loses three of 800 kB at a time, to and from rust-libp2p as well.
            Self::Js3 => 1 << 19,
        }
    }

    /// Whether it sends IDONTWANT (GossipSub 1.2).
    pub(crate) fn sends_idontwant(self) -> bool {
        self != Self::Go
    }

    /// Whether peers that may not be grafted, because one side has just pruned the other, get IHAVE. If not, they get
    /// nothing until the backoff is over.
    pub(crate) fn gossips_in_backoff(self) -> bool {
        self != Self::Py
    }

    /// Whether message ids of a peer that is restarted at once differ from those before. py-libp2p numbers messages from
    /// the second of its start on, so that the others take new ones for seen.
    pub(crate) fn numbers_anew(self) -> bool {
        self != Self::Py
    }

    /// Whether it leaves publisher and number out of messages that it does not sign.
    pub(crate) fn can_be_anonymous(self) -> bool {
        !matches!(self, Self::Py | Self::Go)
    }

    /// Whether it can be told to keep a mesh of one, and keeps to it.
    pub(crate) fn keeps_its_degree(self) -> bool {
        !matches!(self, Self::Py | Self::Go)
    }

    /// Whether it tells who is in its mesh.
    pub(crate) fn tells_mesh(self) -> bool {
        self != Self::Go
    }
}
