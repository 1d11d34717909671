//! The erasure code against its targets, against `rlnc`, and against what the processor can do.
//!
//! Messages are random bytes on a 64-byte boundary; everything runs in one thread, and warm.

mod allocations;
mod baseline;
mod data;
mod decode;
mod encode;
mod innovation;
mod kernels;
mod limits;
mod recode;
mod reed_solomon;

use self::data::warm_heap;
use crate::meter::Meter;
use crate::{Row, Target};

/// What to measure, and how well.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these targets; all if empty.
    pub targets: Vec<Target>,
    /// Tiny samples: to see that it works and roughly how fast, in seconds instead of minutes.
    pub quick: bool,
}

/// Measures all targets asked for. Takes about two minutes of the calling thread.
///
/// [`Target::T10`] has values only where [`CountingAllocator`](braidcast_coding::counting::CountingAllocator) is the
/// global allocator.
#[must_use]
pub fn run(options: &Options) -> Vec<Row> {
    warm_heap();
    let meter = if options.quick { Meter::quick() } else { Meter::thorough() };
    let parts: [(&[Target], Part); 9] = [
        (&[Target::Limit], limits::rows),
        (&[Target::T1, Target::T2, Target::T3], encode::rows),
        (&[Target::T4, Target::T5], recode::rows),
        (&[Target::T6, Target::T14], decode::whole::rows),
        (&[Target::T7, Target::T8], decode::partial::rows),
        (&[Target::T9], innovation::rows),
        (&[Target::T10], allocations::rows),
        (&[Target::T11, Target::T12, Target::T13], kernels::rows),
        (&[Target::Info], reed_solomon::rows),
    ];
    let wanted = |target: &Target| options.wants(*target);
    let mut rows: Vec<Row> = parts
        .iter()
        .filter(|(targets, _)| targets.iter().any(wanted))
        .flat_map(|(_, part)| part(&meter))
        .filter(|row| wanted(&row.target))
        .collect();
    rows.sort_by_key(|row| row.target);
    rows
}

impl Options {
    /// Whether rows of this target are asked for.
    #[must_use]
    pub fn wants(&self, target: Target) -> bool {
        self.targets.is_empty() || self.targets.contains(&target)
    }
}

/// Measures some targets.
type Part = fn(&Meter) -> Vec<Row>;
