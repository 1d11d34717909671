//! What a measurement says.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One measured value and what it must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which target it belongs to.
    pub target: Target,
    /// What was measured: message size, `k` source shards, `m` shards made in one pass.
    pub case: String,
    /// The result, or `None` if this processor lacks the instructions, or if it could not be measured.
    pub value: Option<f64>,
    /// What the value counts. `x name` is a ratio: how many times as fast as `name`, or, where lower is better, how many
    /// times as long as `name`.
    pub unit: String,
    /// The value that must be reached, if there is one.
    pub need: Option<f64>,
    /// Which side of `need` is the right one.
    pub better: Better,
    /// Whether it is reached; `None` without a value or a need.
    pub met: Option<bool>,
    /// The times or speeds that the value was computed from.
    pub measured: String,
}

/// The direction in which a value improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The value should be at least what is needed.
    Higher,
    /// The value should be at most what is needed.
    Lower,
}

/// What is to be reached, in the order of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// No target: what the machine can do at most.
    #[serde(rename = "limit")]
    Limit,
    /// One output in one pass, against reading and copying the message.
    T1,
    /// Encoding one shard, against `rlnc`.
    T2,
    /// Encoding several shards in one pass, against `rlnc` and the processor.
    T3,
    /// Recoding one shard, against `rlnc`.
    T4,
    /// Recoding three shards in one pass, against `rlnc`.
    T5,
    /// Decoding from dense shards, against `rlnc`, copying and the processor.
    T6,
    /// Decoding when most source shards arrived as such, against encoding as many as are missing.
    T7,
    /// What remains to be done after the last shard.
    T8,
    /// The innovation test.
    T9,
    /// Heap allocations.
    T10,
    /// The kernel for AVX2 with GFNI.
    T11,
    /// The kernel for AVX2.
    T12,
    /// The portable kernel.
    T13,
    /// Decoding and verifying a message.
    T14,
    /// No target: another library beside ours.
    #[serde(rename = "info")]
    Info,
}

/// There is no such target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no target is called {name:?}; there are T1 to T14, limit and info")]
pub struct UnknownTargetError {
    /// What was asked for.
    pub name: String,
}

impl Target {
    /// All of them, in order.
    pub const ALL: [Self; 16] = [
        Self::Limit,
        Self::T1,
        Self::T2,
        Self::T3,
        Self::T4,
        Self::T5,
        Self::T6,
        Self::T7,
        Self::T8,
        Self::T9,
        Self::T10,
        Self::T11,
        Self::T12,
        Self::T13,
        Self::T14,
        Self::Info,
    ];
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES[*self as usize])
    }
}

impl FromStr for Target {
    type Err = UnknownTargetError;

    fn from_str(name: &str) -> Result<Self, UnknownTargetError> {
        let found = Self::ALL.into_iter().find(|target| target.to_string().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownTargetError { name: name.to_owned() })
    }
}

impl Row {
    /// A value that should be at least `need`.
    pub(crate) fn at_least(target: Target, case: &str, value: Option<f64>, unit: &str, need: f64) -> Self {
        Self::new(target, case, value, unit, Some(need), Better::Higher)
    }

    /// A value that should be at most `need`.
    pub(crate) fn at_most(target: Target, case: &str, value: Option<f64>, unit: &str, need: f64) -> Self {
        Self::new(target, case, value, unit, Some(need), Better::Lower)
    }

    /// A value to compare others with.
    pub(crate) fn info(target: Target, case: &str, value: Option<f64>, unit: &str, better: Better) -> Self {
        Self::new(target, case, value, unit, None, better)
    }

    fn new(
        target: Target,
        case: &str,
        value: Option<f64>,
        unit: &str,
        need: Option<f64>,
        better: Better,
    ) -> Self {
        let met = value.zip(need).map(|(value, need)| match better {
            Better::Higher => value >= need,
            Better::Lower => value <= need,
        });
        let (case, unit) = (case.to_owned(), unit.to_owned());
        Self { target, case, value, unit, need, better, met, measured: String::new() }
    }

    /// With what the value was computed from.
    pub(crate) fn measured(self, measured: impl Into<String>) -> Self {
        Self { measured: measured.into(), ..self }
    }
}

/// The rows as a table for people, one line each.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let case_width = rows.iter().map(|row| row.case.len()).max().unwrap_or(0);
    let unit_width = rows.iter().map(|row| row.unit.len()).max().unwrap_or(0);
    let mut text = format!(
        "{:6} {:case_width$} {:>9} {:unit_width$} {:>9} {:4} measured\n",
        "target", "case", "value", "unit", "need", "met"
    );
    for row in rows {
        let value = row.value.map_or_else(|| "-".to_owned(), number);
        let need = row.need.map_or_else(String::new, |need| match row.better {
            Better::Higher => format!(">= {need}"),
            Better::Lower => format!("<= {need}"),
        });
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        let line = format!(
            "{:6} {:case_width$} {value:>9} {:unit_width$} {need:>9} {met:4} {}",
            row.target, row.case, row.unit, row.measured
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Three or four digits that count.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        it if it < 10.0 => 2,
        it if it < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Of the targets, in order.
const NAMES: [&str; Target::ALL.len()] = [
    "limit", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13", "T14", "info",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_one_name_for_people_options_and_json() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
            assert_eq!(serde_json::to_value(target).unwrap(), target.to_string());
        }
        let error = "T15".parse::<Target>().unwrap_err();
        assert_eq!(error.to_string(), "no target is called \"T15\"; there are T1 to T14, limit and info");
    }

    #[test]
    fn a_need_is_met_on_its_own_side_only() {
        let met = |row: Row| row.met;
        assert_eq!(met(Row::at_least(Target::T1, "", Some(2.0), "", 2.0)), Some(true));
        assert_eq!(met(Row::at_least(Target::T1, "", Some(1.9), "", 2.0)), Some(false));
        assert_eq!(met(Row::at_most(Target::T1, "", Some(2.0), "", 2.0)), Some(true));
        assert_eq!(met(Row::at_most(Target::T1, "", Some(2.1), "", 2.0)), Some(false));
        assert_eq!(met(Row::at_least(Target::T1, "", None, "", 2.0)), None);
        assert_eq!(met(Row::info(Target::Info, "", Some(2.0), "", Better::Lower)), None);
    }
}
