//! The simulator's commands: arguments and printing; `braidcast-sim-scenarios` does the work.

pub(crate) mod options;
mod print;
mod progress;

use std::path::{Path, PathBuf};

use braidcast_sim_scenarios::replay::{self, Comparison};
use braidcast_sim_scenarios::report::Data;
use braidcast_sim_scenarios::result::RunResult;
use braidcast_sim_scenarios::sweep::{self, Build, Options, Shard, Sweep, SweepError};
use braidcast_sim_scenarios::{Extras, PRESETS, RunError, Scenario, ScenarioError, golden, run};

use crate::exit::Failure;
use crate::output;
use options::{RunOptions, SimCommand, SweepOptions};
use progress::Bar;

/// Does what was asked.
pub(crate) fn execute(command: SimCommand) -> Result<(), Failure> {
    match command {
        SimCommand::List => list(),
        SimCommand::Run(options) => run_once(&options),
        SimCommand::Sweep(options) => run_sweep(&options),
        SimCommand::Merge { dirs, out } => {
            let dirs: Vec<&Path> = dirs.iter().map(PathBuf::as_path).collect();
            let summary = sweep::merge(&dirs, &out).map_err(failed)?;
            output::line(&format!("{} runs, digest {}", summary.runs, summary.digest));
            Ok(())
        }
        SimCommand::Report { dir, html, markdown, svg } => {
            report(&dir, [html.as_deref(), markdown.as_deref(), svg.as_deref()])
        }
        SimCommand::Replay { what, seed } => run_again(&what, seed),
        SimCommand::Bless { file } => bless(&file),
    }
}

fn list() -> Result<(), Failure> {
    let width = PRESETS.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    for preset in PRESETS {
        let scenario = Scenario::from_tree(&preset.tree().map_err(usage)?).map_err(usage)?;
        let runs = match scenario.sweep.points() {
            1 => String::new(),
            points => format!(" ({points} points x {} seeds)", scenario.seeds.len()),
        };
        output::line(&format!("{:width$}  {}{runs}", preset.name, scenario.description));
    }
    Ok(())
}

fn run_once(options: &RunOptions) -> Result<(), Failure> {
    let (scenario, tree) = Scenario::open(&options.what.scenario, &options.what.set).map_err(usage)?;
    let seed = options.seed.unwrap_or(scenario.seeds[0]);
    let (scenario, tree) = scenario.point(&tree, 0).map_err(usage)?;
    let result = match &options.out {
        None => simulate(&scenario, seed)?,
        Some(out) => {
            let sweep = Sweep::plan(&scenario, &tree, build()).map_err(sweep_failed)?.with_seed(seed);
            let options = Options { jobs: 1, shard: Shard::WHOLE, log: true, parquet: false };
            sweep::execute(&sweep, out, &options, &mut |_progress| {}).map_err(sweep_failed)?;
            sweep::results(out, sweep.manifest()).map_err(failed)?.remove(0)
        }
    };
    print::result(&result, options.json)?;
    if options.check_determinism {
        check_determinism(&scenario, seed)?;
    }
    Ok(())
}

fn run_sweep(options: &SweepOptions) -> Result<(), Failure> {
    let (scenario, tree) = Scenario::open(&options.what.scenario, &options.what.set).map_err(usage)?;
    let sweep = Sweep::plan(&scenario, &tree, build()).map_err(sweep_failed)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.map_or(cores, usize::from);
    let how = Options { jobs, shard: options.shard, log: options.log, parquet: options.parquet };
    let mut bar = Bar::new("runs");
    let summary = sweep::execute(&sweep, &options.out, &how, &mut |now| bar.show(now.done, now.runs));
    bar.clear();
    let shown = options.out.display();
    match summary.map_err(sweep_failed)? {
        Some(summary) => {
            output::line(&format!("{} runs in {shown}, digest {}", summary.runs, summary.digest));
        }
        None => {
            let Shard { index, of } = options.shard;
            output::line(&format!("shard {index}/{of} is in {shown}; sim merge joins the shards"));
        }
    }
    Ok(())
}

fn report(dir: &Path, [html, markdown, svg]: [Option<&Path>; 3]) -> Result<(), Failure> {
    let data = Data::read(dir).map_err(failed)?;
    if let Some(path) = html {
        data.write_html(path).map_err(failed)?;
        output::line(&path.display().to_string());
    }
    if let Some(path) = markdown {
        data.write_markdown(path).map_err(failed)?;
        output::line(&path.display().to_string());
    }
    if let Some(dir) = svg {
        for name in data.write_svgs(dir).map_err(failed)? {
            output::line(&dir.join(name).display().to_string());
        }
    }
    Ok(())
}

fn run_again(what: &str, seed: Option<u64>) -> Result<(), Failure> {
    if Path::new(what).extension().is_none_or(|extension| extension != "json") {
        let (scenario, tree) = Scenario::open(what, &[]).map_err(usage)?;
        let (scenario, _) = scenario.point(&tree, 0).map_err(usage)?;
        return check_determinism(&scenario, seed.unwrap_or(scenario.seeds[0]));
    }
    let stored = RunResult::read(Path::new(what)).map_err(failed)?;
    if let Some(seed) = seed.filter(|seed| *seed != stored.seed) {
        return Err(Failure::Usage(format!("--seed is {seed}, but {what} is of seed {}", stored.seed)));
    }
    compare(&replay::scenario_of(what, &stored).map_err(usage)?, &stored)
}

/// Runs a scenario twice with every event compared.
fn check_determinism(scenario: &Scenario, seed: u64) -> Result<(), Failure> {
    let difference = replay::first_difference(scenario, seed).map_err(run_failed)?;
    print::difference(difference.as_ref()).iter().for_each(|line| output::note(line));
    if difference.is_none() { Ok(()) } else { Err(Failure::Reported) }
}

fn compare(scenario: &Scenario, earlier: &RunResult) -> Result<(), Failure> {
    let mut bar = Bar::new("%");
    let compared = replay::replay(scenario, earlier, &mut |share| bar.show((share * 100.0) as usize, 100));
    bar.clear();
    let (comparison, again) = compared.map_err(run_failed)?;
    for line in print::comparison(&comparison, earlier, &again) {
        output::note(&line);
    }
    if comparison == Comparison::Identical { Ok(()) } else { Err(Failure::Reported) }
}

fn bless(file: &Path) -> Result<(), Failure> {
    let earlier = match std::fs::read_to_string(file) {
        Ok(text) => golden::parse(&file.display().to_string(), &text).map_err(usage)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => golden::Golden::new(),
        Err(error) => return Err(Failure::Usage(format!("{}: {error}", file.display()))),
    };
    let mut blessed = golden::Golden::new();
    for preset in golden::presets() {
        let entry = golden::measure(preset).map_err(run_failed)?;
        match earlier.get(preset.name).map(|earlier| entry.changes(earlier)) {
            None => output::line(&format!("{}: new", preset.name)),
            Some(changes) if changes.is_empty() => output::line(&format!("{}: the same", preset.name)),
            Some(changes) => output::line(&format!("{}: {}", preset.name, changes.join(", "))),
        }
        blessed.insert(preset.name.to_owned(), entry);
    }
    golden::write(file, &blessed).map_err(failed)
}

fn simulate(scenario: &Scenario, seed: u64) -> Result<RunResult, Failure> {
    let mut bar = Bar::new("%");
    let show = &mut |share: f64| bar.show((share * 100.0) as usize, 100);
    let outcome = run(scenario, seed, Extras::default(), show);
    bar.clear();
    Ok(outcome.map_err(run_failed)?.result)
}

fn build() -> Build {
    let known = |text: &str| Some(text.to_owned()).filter(|text| text != "unknown");
    Build {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: known(env!("BRAIDCAST_COMMIT")),
        toolchain: known(env!("BRAIDCAST_RUSTC")),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

fn usage(error: ScenarioError) -> Failure {
    Failure::Usage(error.to_string())
}

fn failed(error: sweep::StoreError) -> Failure {
    Failure::Failed(error.into())
}

fn run_failed(error: RunError) -> Failure {
    match error {
        RunError::Scenario(error) => usage(error),
        error @ (RunError::Build(_)
        | RunError::Subscribe(_)
        | RunError::Publish(_)
        | RunError::Broken { .. }) => Failure::Failed(error.into()),
    }
}

fn sweep_failed(error: SweepError) -> Failure {
    match error {
        SweepError::Point { .. } => Failure::Usage(error.to_string()),
        SweepError::Run { .. } | SweepError::Store(_) => Failure::Failed(error.into()),
    }
}
