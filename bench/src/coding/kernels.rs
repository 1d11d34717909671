//! T11 to T13: kernels that this processor would not choose by itself.

use std::hint::black_box;

use braidcast_coding::kernel::{Kernel, Mode};

use super::data::{MIB, Source, aligned_rows, buffer, random_bytes};
use super::limits::{multiplying, products_per_ns};
use crate::meter::{Meter, Subject};
use crate::{Row, Target};

/// T11 to T13: one, four and `k` outputs of 1 MiB.
pub(super) fn rows(meter: &Meter) -> Vec<Row> {
    let mut rows = Vec::new();
    for (k, m) in [(4, 4), (16, 4), (16, 16), (64, 64)] {
        rows.push(share(meter, Target::T11, Kernel::Avx2Gfni, k, m, 0.45));
        rows.push(share(meter, Target::T12, Kernel::Avx2, k, m, 0.23));
    }
    for k in [4, 16, 64] {
        rows.push(speed(meter, Target::T12, Kernel::Avx2, k, 1, 28.0));
        rows.push(speed(meter, Target::T13, Kernel::Portable, k, 1, 2.5));
    }
    for (k, m) in [(4, 4), (16, 4), (16, 16)] {
        rows.push(speed(meter, Target::T13, Kernel::Portable, k, m, 12.0));
    }
    rows
}

/// What share of the fastest multiplications of this processor the kernel reaches.
fn share(meter: &Meter, target: Target, kernel: Kernel, k: usize, m: usize, need: f64) -> Row {
    let measured = measure(meter, kernel, k, m);
    let share = measured.and_then(|(speed, limit)| limit.map(|limit| speed / limit));
    let row = Row::at_least(target, &case(kernel, k, m), share, "of GFNI limit", need);
    match measured {
        Some((speed, _)) => row.measured(format!("{speed:.0} byte products/ns")),
        None => row.measured(UNAVAILABLE),
    }
}

/// How many byte products the kernel makes in a nanosecond.
fn speed(meter: &Meter, target: Target, kernel: Kernel, k: usize, m: usize, need: f64) -> Row {
    let speed = measure(meter, kernel, k, m).map(|(speed, _)| speed);
    let row = Row::at_least(target, &case(kernel, k, m), speed, "byte products/ns", need);
    if speed.is_some() { row } else { row.measured(UNAVAILABLE) }
}

/// Byte products per nanosecond of the kernel and, if it has an instruction for them, of the processor; `None` if the
/// processor cannot run the kernel.
fn measure(meter: &Meter, kernel: Kernel, k: usize, m: usize) -> Option<(f64, Option<f64>)> {
    if !kernel.is_available() {
        return None;
    }
    let source = Source::new(MIB, k);
    let (sources, coefficients, len) = (source.rows(), random_bytes(m * k, 0), source.params.shard_len());
    let mut buffer = buffer(len, m);
    let mut outputs = aligned_rows(&mut buffer, len);
    let product = Subject::new(|| {
        kernel.product(&mut outputs, black_box(&sources), &coefficients, Mode::Overwrite);
    });
    let [ns, limit] = meter.compare([product, multiplying()]);
    Some(((m * MIB) as f64 / ns, products_per_ns(limit)))
}

fn case(kernel: Kernel, k: usize, m: usize) -> String {
    format!("{kernel} 1 MiB k={k} m={m}")
}

const UNAVAILABLE: &str = "this processor cannot run it";
