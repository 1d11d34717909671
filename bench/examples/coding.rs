//! The erasure code against its targets: a table, or JSON with `--json`; names of targets choose among them.
//!
//! Run with `cargo run --release -p braidcast-bench --example coding -- [--json] [--quick] [T1 T6 …]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::alloc::System;
use std::error::Error;

use braidcast_bench::{Target, coding, table};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|it| it == flag);
    let targets = names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    let options = coding::Options { targets, quick: has("--quick") };
    let mut rows = coding::run(&options);
    if options.wants(Target::T10) {
        rows.extend(coding::count_allocations(allocations));
        rows.sort_by_key(|row| row.target);
    }
    if has("--json") {
        println!("{}", serde_json::json!({ "rows": rows }));
    } else {
        print!("{}", table(&rows));
    }
    Ok(())
}

fn allocations(work: &mut dyn FnMut()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}
