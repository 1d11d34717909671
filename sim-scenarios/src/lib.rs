//! Scenario files, sweeps, statistics and reports for the simulator.
//!
//! A [`Scenario`] is a checked TOML file; [`run`] plays it with a seed and gives a
//! [`RunResult`](result::RunResult); a [`sweep`] plays the product of its parameter lists with every seed and
//! stores one file per run.
//!
//! ```
//! use braidcast_sim_scenarios::{Extras, Scenario, run};
//!
//! let settings = ["network.nodes=12".to_owned(), "workload.count=1".to_owned()];
//! let (scenario, _) = Scenario::open("seed-defaults", &settings)?;
//! let outcome = run(&scenario, 1, Extras::default(), &mut |_share| {})?;
//! assert_eq!(outcome.result.delivery, 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod golden;
mod intrusion;
mod measure;
pub mod replay;
pub mod report;
pub mod result;
mod run;
mod scenario;
pub mod spread;
pub mod sweep;

pub use run::{Extras, Outcome, RunError, run};
pub use scenario::{
    Axis, Limits, Lines, NetworkPlan, PRESETS, Preset, Scenario, ScenarioError, SweepPlan, Tree, Trouble,
    Workload,
};
