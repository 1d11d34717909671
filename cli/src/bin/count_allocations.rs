//! Counts the heap allocations of the erasure code for `braidcast bench coding`, which runs it.
//!
//! A program of its own, because its allocator counts: that would slow the node's threads down. Prints a JSON list of
//! rows.

use std::alloc::System;
use std::io::{self, Write};

use braidcast_bench::coding;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> io::Result<()> {
    let rows = coding::count_allocations(|work| {
        let region = Region::new(ALLOCATOR);
        work();
        let change = region.change();
        change.allocations + change.reallocations
    });
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &rows)?;
    stdout.flush()
}
