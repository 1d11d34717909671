//! Where two runs part.

use crate::{Checkpoint, JournalEntry, Network, Watch};

/// The first entry at which two runs differ; one of them may have ended before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Its number.
    pub number: u64,
    /// In the first run.
    pub one: Option<JournalEntry>,
    /// In the second.
    pub two: Option<JournalEntry>,
}

/// Runs two experiments and finds the first entry of their traces at which they differ; `None` when they are the
/// same to the end.
///
/// Each experiment builds its network with [`Builder::watch`](crate::Builder::watch), runs it, and gives it back. Each
/// is run twice at most: with checkpoints to find the stretch, then with that stretch in words. Given the same
/// experiment twice, this is the test of its determinism.
///
/// # Errors
///
/// What an experiment returns.
pub fn first_difference<E>(
    mut one: impl FnMut(Watch) -> Result<Network, E>,
    mut two: impl FnMut(Watch) -> Result<Network, E>,
) -> Result<Option<Difference>, E> {
    let watch = Watch { every: STRETCH, journal: 0..0 };
    let (first, second) = (one(watch.clone())?, two(watch)?);
    if first.trace_hash() == second.trace_hash() && first.entries() == second.entries() {
        return Ok(None);
    }
    let begin = last_common(first.checkpoints(), second.checkpoints());
    drop((first, second));
    let watch = Watch { every: 0, journal: begin..begin + STRETCH + 1 };
    let (first, second) = (one(watch.clone())?.journal(), two(watch)?.journal());
    let same = first.iter().zip(&second).take_while(|(one, two)| one == two).count();
    let number = begin + same as u64;
    Ok(Some(Difference { number, one: first.get(same).cloned(), two: second.get(same).cloned() }))
}

/// Entries after which both runs were still the same.
fn last_common(one: &[Checkpoint], two: &[Checkpoint]) -> u64 {
    // Once the hashes differ they stay different.
    let common = one.partition_point(|point| {
        two.binary_search_by_key(&point.entries, |other| other.entries)
            .is_ok_and(|found| two[found].hash == point.hash)
    });
    common.checked_sub(1).map_or(0, |last| one[last].entries)
}

/// Entries between two checkpoints, and so at most in words.
const STRETCH: u64 = 1024;
