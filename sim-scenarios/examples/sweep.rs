//! A sweep and its report through the library.
//!
//! `cargo run --release -p braidcast-sim-scenarios --example sweep -- threshold-quick target/sweep`
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::path::PathBuf;

use braidcast_sim_scenarios::Scenario;
use braidcast_sim_scenarios::report::Data;
use braidcast_sim_scenarios::sweep::{self, Build, Options, Shard, Sweep};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "threshold-quick".to_owned());
    let dir = PathBuf::from(args.next().unwrap_or_else(|| "target/sweep".to_owned()));
    let (scenario, tree) = Scenario::open(&name, &args.collect::<Vec<_>>())?;
    let sweep = Sweep::plan(&scenario, &tree, Build::default())?;
    let options = Options { jobs: 2, shard: Shard::WHOLE, log: true, parquet: false };
    let summary = sweep::execute(&sweep, &dir, &options, &mut |_progress| {})?;
    Data::read(&dir)?.write_html(&dir.join("report.html"))?;
    println!("{summary:?}, {}", dir.join("report.html").display());
    Ok(())
}
