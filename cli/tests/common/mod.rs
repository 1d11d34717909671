//! Running the binary: with a clean environment, under its other names, and as a process that is watched.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

pub(crate) mod node;
pub(crate) mod watched;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary with these arguments and none of our variables from outside.
pub(crate) fn braidcast(args: &[&str]) -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_braidcast")), args)
}

/// The binary under another name: by a link in `dir`, as the images install it.
pub(crate) fn called(name: &str, dir: &Path, args: &[&str]) -> Command {
    clean(Command::new(link(name, dir)), args)
}

fn link(name: &str, dir: &Path) -> PathBuf {
    let path = dir.join(name);
    if path.symlink_metadata().is_err() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_braidcast"), &path).unwrap();
    }
    path
}

fn clean(mut command: Command, args: &[&str]) -> Command {
    command.args(args).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// A TCP port that was free a moment ago, for addresses that must be known beforehand.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
