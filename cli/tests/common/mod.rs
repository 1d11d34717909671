//! Running the binary: with a clean environment, under its other names, and as a process that is watched.
#![allow(dead_code, reason = "each test file uses its part")]

use std::process::Command;

/// The binary with these arguments and none of our variables from outside.
pub(crate) fn braidcast(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_braidcast"));
    command.args(args).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}
