//! Every kernel makes what the portable one makes, and touches nothing else.
#![no_main]

use braidcast_coding::kernel::{Kernel, Mode};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Debug, Arbitrary)]
struct Case {
    outputs: u8,
    sources: u16,
    len: u16,
    source_offset: u8,
    output_offset: u8,
    /// Distance of the sources from each other: as close as possible, or a multiple of a page.
    page_apart: bool,
    accumulate: bool,
    seed: u64,
    /// Repeated over the matrix of coefficients; random ones if empty.
    coefficients: Vec<u8>,
}

fuzz_target!(|case: Case| {
    let mode = if case.accumulate { Mode::Accumulate } else { Mode::Overwrite };
    let (outputs, sources) = (usize::from(case.outputs) % 20, usize::from(case.sources) % 300);
    let len = usize::from(case.len) % LEN_MAX;
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    let mut coefficients = vec![0; outputs * sources];
    if case.coefficients.is_empty() {
        rng.fill_bytes(&mut coefficients);
    } else {
        coefficients.iter_mut().zip(case.coefficients.iter().cycle()).for_each(|(to, from)| *to = *from);
    }

    // The last row ends where the memory does, so that AddressSanitizer sees a read beyond it.
    let offset = usize::from(case.source_offset) % 64;
    let pitch = if case.page_apart { len.next_multiple_of(PAGE) } else { len };
    let mut memory = vec![0; offset + pitch * sources.saturating_sub(1) + len];
    rng.fill_bytes(&mut memory);
    let src: Vec<&[u8]> = (0..sources).map(|s| &memory[offset + s * pitch..][..len]).collect();

    let before: Vec<Vec<u8>> = (0..outputs)
        .map(|_| {
            let mut row = vec![0; usize::from(case.output_offset) % 64 + len];
            rng.fill_bytes(&mut row);
            row
        })
        .collect();
    let product = |kernel: Kernel| {
        let mut rows = before.clone();
        let mut dst: Vec<&mut [u8]> = rows
            .iter_mut()
            .map(|row| {
                let from = row.len() - len;
                &mut row[from..]
            })
            .collect();
        kernel.product(&mut dst, &src, &coefficients, mode);
        rows
    };
    let expected = product(Kernel::Portable);
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
        assert!(product(kernel) == expected, "{kernel}: {outputs} x {sources}, {len} bytes, {mode:?}");
    }
});

/// More than two of the longest stripes that kernels work on.
const LEN_MAX: usize = 9000;

const PAGE: usize = 4096;
