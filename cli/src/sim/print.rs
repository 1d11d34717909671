//! Results as text.

use anyhow::Context;
use braidcast_sim_scenarios::replay::{Comparison, Difference, JournalEntry};
use braidcast_sim_scenarios::result::{RunResult, SHARES};

use crate::exit::Failure;
use crate::output;

/// A result for people, or as one JSON object.
pub(crate) fn result(result: &RunResult, json: bool) -> Result<(), Failure> {
    if json {
        output::line(&serde_json::to_string(result).context("result")?);
    } else {
        lines(result).iter().for_each(|line| output::line(line));
    }
    Ok(())
}

fn lines(run: &RunResult) -> Vec<String> {
    let pieces = if run.chunks == 1 { "whole".to_owned() } else { format!("in {} pieces", run.chunks) };
    let mut lines = vec![
        format!("{}, seed {}: {} nodes", run.scenario, run.seed, run.nodes),
        format!(
            "{} messages of {} bytes, {pieces}; delivery {:.4}",
            run.messages, run.message_bytes, run.delivery
        ),
        String::new(),
        "nodes          time        bound   ratio".to_owned(),
    ];
    let times = [run.t50_ms, run.t95_ms, run.t99_ms, run.t100_ms];
    let both = [run.bounds.postal_ms, run.bounds.heterogeneous_ms];
    for (index, (share, time)) in SHARES.iter().zip(times).enumerate() {
        let bound = both.into_iter().flatten().map(|bounds| bounds[index]).max_by(f64::total_cmp);
        let ratio =
            time.zip(bound).map_or_else(|| "-".to_owned(), |(time, bound)| format!("{:.2}", time / bound));
        lines.push(format!("{share:>3} %   {:>11}  {:>11}  {ratio:>6}", millis(time), millis(bound)));
    }
    lines.extend([
        String::new(),
        format!(
            "bounds for all: postal {}, by rates and paths {}; fluid floor {}, whole messages {}",
            millis(run.bounds.postal_ms.map(|bounds| bounds[3])),
            millis(run.bounds.heterogeneous_ms.map(|bounds| bounds[3])),
            millis(run.bounds.fluid_ms),
            millis(run.bounds.whole_ms)
        ),
        format!("hops {:.2} on average, {} at most", run.hops_mean, run.hops_max),
        format!(
            "sent per node {:.2} x the published bytes, {:.2} copies beyond the first",
            run.tx_x, run.duplicates
        ),
        format!(
            "longest uplink queue {} bytes, {} frames sent again",
            run.traffic.queue_bytes_max, run.traffic.retransmissions
        ),
        format!("{} events in {:.2} s, trace hash {}", run.events, run.wall_s, run.trace_hash),
    ]);
    if run.unpublished > 0 {
        lines.push(format!("{} messages not published: their publishers were down", run.unpublished));
    }
    lines
}

/// How a run compares with an earlier one.
pub(crate) fn comparison(comparison: &Comparison, earlier: &RunResult, again: &RunResult) -> Vec<String> {
    match comparison {
        Comparison::Identical => vec![format!("identical: trace hash {} twice", earlier.trace_hash)],
        Comparison::Differ { same_until_ms, differ_at_ms, metrics } => {
            let same = same_until_ms.map_or_else(|| "the start".to_owned(), |ms| format!("{ms} ms"));
            let differ = differ_at_ms.map_or_else(|| "the end".to_owned(), |ms| format!("{ms} ms"));
            let hashes = format!("trace hash {} became {}", earlier.trace_hash, again.trace_hash);
            let mut lines = vec![format!("different: {hashes}; first difference after {same}, by {differ}")];
            let shown =
                |value: &Option<f64>| value.map_or_else(|| "none".to_owned(), |it| format!("{it:.4}"));
            let metric = |(name, before, after): &(&str, Option<f64>, Option<f64>)| {
                format!("  {name}: {} -> {}", shown(before), shown(after))
            };
            lines.extend(metrics.iter().map(metric));
            lines
        }
    }
}

/// Where two runs of one scenario part.
pub(crate) fn difference(difference: Option<&Difference>) -> Vec<String> {
    let Some(difference) = difference else {
        return vec!["identical: every event the same twice".to_owned()];
    };
    let shown = |entry: &Option<JournalEntry>| match entry {
        None => "  had ended".to_owned(),
        Some(entry) => {
            let node = entry.node.map_or_else(String::new, |node| format!("node {node}, "));
            format!("  {node}{:?}: {} -> {}", entry.at, entry.what, entry.actions.join("; "))
        }
    };
    let head = format!("different: first at event {}", difference.number);
    vec![head, shown(&difference.one), shown(&difference.two)]
}

fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} ms"))
}
