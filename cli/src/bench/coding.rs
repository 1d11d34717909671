//! `braidcast bench coding`.

use braidcast_bench::coding::{self, Options};
use braidcast_bench::{Target, table};
use clap::Args;
use serde_json::json;

use crate::output;

/// Options of `bench coding`.
#[derive(Args, Debug)]
pub(crate) struct CodingOptions {
    /// Only these targets, T1 to T14, limit or info, separated by commas [default: all]
    #[arg(long, env = "BRAIDCAST_BENCH_FILTER", value_delimiter = ',', value_name = "TARGETS")]
    filter: Vec<Target>,

    /// Tiny samples: to see that it works and roughly how fast
    #[arg(long, env = "BRAIDCAST_BENCH_QUICK")]
    quick: bool,

    /// Print the result as one JSON object
    #[arg(long, env = "BRAIDCAST_BENCH_JSON")]
    json: bool,
}

pub(super) fn run(CodingOptions { filter, quick, json }: CodingOptions) {
    let rows = coding::run(&Options { targets: filter, quick });
    if json {
        output::line(&json!({ "rows": rows }).to_string());
    } else {
        output::bytes(&[table(&rows).as_bytes()]);
    }
}
