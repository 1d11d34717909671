//! How time is taken.
//!
//! The time is that of the thread on a processor, which other processes do not add to. Samples of what is compared take
//! turns, so that a change of clock rate hits all alike, and each subject is warmed up anew for each sample; the median
//! of the samples counts.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

/// How long and how often to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    /// Samples per subject.
    samples: usize,
    /// Shortest sample.
    sample_ns_min: f64,
    /// What taking the time takes.
    clock_ns: f64,
}

/// Something whose time is taken: does its work so many times, and says how long that took in nanoseconds.
pub(crate) struct Subject<'a>(Box<Run<'a>>);

type Run<'a> = dyn FnMut(usize, &Meter) -> f64 + 'a;

impl Meter {
    /// For results: 21 samples of 1.5 ms or more.
    pub(crate) fn thorough() -> Self {
        Self { samples: 21, sample_ns_min: 1.5e6, clock_ns: clock_ns() }
    }

    /// To see that everything works, and roughly how fast: 3 samples of 0.1 ms or more.
    pub(crate) fn quick() -> Self {
        Self { samples: 3, sample_ns_min: 1e5, clock_ns: clock_ns() }
    }

    /// Nanoseconds that each subject takes for one call: medians of samples taken in turns.
    pub(crate) fn compare<const N: usize>(&self, mut subjects: [Subject<'_>; N]) -> [f64; N] {
        let calls = subjects.each_mut().map(|subject| self.calls_per_sample(subject));
        let mut samples = [(); N].map(|()| Vec::with_capacity(self.samples));
        for _ in 0..self.samples {
            for ((subject, calls), samples) in subjects.iter_mut().zip(calls).zip(&mut samples) {
                // The others have taken the caches meanwhile: with messages of some MiB, for longer than a sample takes.
                (subject.0)(calls.div_ceil(8), self);
                samples.push((subject.0)(calls, self) / calls as f64);
            }
        }
        samples.map(median)
    }

    /// Warms the subject up and finds out how many calls make a sample.
    fn calls_per_sample(&self, subject: &mut Subject<'_>) -> usize {
        let mut calls = 1;
        loop {
            let ns = (subject.0)(calls, self);
            if ns >= self.sample_ns_min {
                // A little more, since the first calls were the slowest.
                return calls + calls / 4;
            }
            calls *= 2;
        }
    }

    /// The time that `work` takes, in nanoseconds.
    fn time(&self, work: impl FnOnce()) -> f64 {
        let start = now_ns();
        work();
        ((now_ns() - start) - self.clock_ns).max(0.0)
    }
}

impl<'a> Subject<'a> {
    /// Calls that need nothing to be prepared.
    pub(crate) fn new<R>(mut call: impl FnMut() -> R + 'a) -> Self {
        let run = move |calls: usize, meter: &Meter| {
            meter.time(|| {
                for _ in 0..calls {
                    black_box(call());
                }
            })
        };
        Self(Box::new(run))
    }

    /// Calls on something that is made before, and dropped after, the time is taken.
    ///
    /// If calls are long enough for the clock, what they need is made one at a time, or it would fill the caches.
    pub(crate) fn prepared<T, R>(
        mut prepare: impl FnMut() -> T + 'a,
        mut call: impl FnMut(&mut T) -> R + 'a,
    ) -> Self {
        let mut at_once = 1;
        let run = move |calls: usize, meter: &Meter| {
            let (mut left, mut total) = (calls, 0.0);
            while left > 0 {
                let count = left.min(at_once);
                let mut prepared: Vec<T> = (0..count).map(|_| prepare()).collect();
                let ns = meter.time(|| {
                    for it in &mut prepared {
                        black_box(call(it));
                    }
                });
                if count == at_once && ns < INTERVAL_NS_MIN && at_once < PREPARED_MAX {
                    at_once *= 2;
                }
                (left, total) = (left - count, total + ns);
            }
            total
        };
        Self(Box::new(run))
    }
}

/// The time of this thread on a processor, in nanoseconds. A double holds whole nanoseconds for a hundred days.
fn now_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn clock_ns() -> f64 {
    median((0..1000).map(|_| -(now_ns() - now_ns())).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Shortest interval that is worth taking the time of.
const INTERVAL_NS_MIN: f64 = 1e4;

/// Most calls that are prepared at a time.
const PREPARED_MAX: usize = 32;
