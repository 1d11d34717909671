//! The erasure code against its targets: a table, or JSON with `--json`; names of targets choose among them.
//!
//! Run with `cargo run --release -p braidcast-bench --example coding -- [--json] [--quick] [T1 T6 …]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use braidcast_bench::{coding, table};
use braidcast_coding::counting::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|it| it == flag);
    let targets = names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    let options = coding::Options { targets, quick: has("--quick") };
    let rows = coding::run(&options);
    if has("--json") {
        println!("{}", serde_json::json!({ "rows": rows }));
    } else {
        print!("{}", table(&rows));
    }
    Ok(())
}
