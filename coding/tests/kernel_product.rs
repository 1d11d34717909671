//! The fused product of every kernel that this processor has, against its definition, one scalar at a time.

mod common;

use braidcast_coding::gf256;
use braidcast_coding::kernel::{Kernel, Mode, product};
use rand_chacha::rand_core::Rng;

/// The shape of a product, and where its rows lie. By default close together, at odd addresses.
#[derive(Debug, Clone, Copy)]
struct Case {
    outputs: usize,
    sources: usize,
    len: usize,
    /// First source and outputs, in bytes after a page boundary.
    source_at: usize,
    output_at: usize,
    /// From one source to the next, in bytes; rows overlap if it is less than `len`.
    source_pitch: usize,
}

impl Case {
    fn new(outputs: usize, sources: usize, len: usize) -> Self {
        Self { outputs, sources, len, source_at: 3, output_at: 1, source_pitch: len + 5 }
    }

    /// One product of random operands with every kernel in both modes, with guard bytes around each output.
    fn check(self) {
        let Self { outputs, sources, len, .. } = self;
        let seed = outputs * 1_000_003 + sources * 7919 + len * 64 + self.source_at;
        let mut rng = common::rng(seed as u64);
        let mut random = |n: usize| {
            let mut bytes = vec![0; n];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let source_memory = random(PAGE + self.source_at + sources * self.source_pitch + len);
        let first = page_boundary(&source_memory) + self.source_at;
        let src: Vec<&[u8]> =
            (0..sources).map(|s| &source_memory[first + s * self.source_pitch..][..len]).collect();
        let output_pitch = (len + GUARD).next_multiple_of(64);
        let before = random(PAGE + GUARD + self.output_at + outputs * output_pitch);
        let mut coef = random(outputs * sources);
        // Zero and one are the values a kernel may treat apart.
        coef.iter_mut().step_by(5).for_each(|c| *c &= 1);
        let sums: Vec<Vec<u8>> =
            (0..outputs).map(|d| sum(&src, &coef[d * sources..][..sources], len)).collect();

        for mode in [Mode::Overwrite, Mode::Accumulate] {
            for kernel in common::kernels() {
                let mut after = before.clone();
                let first = page_boundary(&after) + self.output_at;
                let mut expected = after.clone();
                for (row, sum) in expected[first..].chunks_mut(output_pitch).zip(&sums) {
                    for (byte, sum) in row.iter_mut().zip(sum) {
                        *byte = if mode == Mode::Accumulate { *byte ^ sum } else { *sum };
                    }
                }
                let rows = after[first..].chunks_mut(output_pitch).take(outputs);
                let mut dst: Vec<&mut [u8]> = rows.map(|row| &mut row[..len]).collect();
                kernel.product(&mut dst, &src, &coef, mode);
                assert!(after == expected, "{kernel}, {mode:?}, {self:?}");
            }
        }
    }
}

/// The definition, with a table of products for each coefficient.
fn sum(src: &[&[u8]], coefficients: &[u8], len: usize) -> Vec<u8> {
    let mut sum = vec![0; len];
    for (source, coefficient) in src.iter().zip(coefficients) {
        let table: [u8; 256] = std::array::from_fn(|byte| gf256::mul(*coefficient, byte as u8));
        sum.iter_mut().zip(*source).for_each(|(sum, byte)| *sum ^= table[usize::from(*byte)]);
    }
    sum
}

/// The first position in this memory that is a multiple of a page.
fn page_boundary(memory: &[u8]) -> usize {
    memory.as_ptr().addr().next_multiple_of(PAGE) - memory.as_ptr().addr()
}

#[test]
fn products_match_their_definition_at_every_length_up_to_300() {
    for len in 0..=300 {
        for (outputs, sources) in [(1, 1), (1, 6), (2, 3), (3, 1), (4, 4), (5, 33), (8, 2), (9, 2)] {
            Case { source_at: len % 64, output_at: len * 7 % 64, ..Case::new(outputs, sources, len) }.check();
        }
    }
}

#[test]
fn products_match_their_definition_around_the_stripe_boundaries() {
    for boundary in [2048, 4096, 8192, 12_288] {
        for len in (boundary - 3..=boundary + 3).chain([boundary - 64, boundary + 64, boundary + 300]) {
            for (outputs, sources) in [(1, 1), (1, 70), (4, 16), (7, 65), (17, 3)] {
                Case::new(outputs, sources, len).check();
            }
        }
    }
}

#[test]
fn products_match_their_definition_at_every_alignment() {
    for at in 0..64 {
        for other in [0, 1, 31, 32, 63] {
            for (outputs, sources, len) in [(1, 3, 200), (4, 2, 64), (6, 5, 333)] {
                let case = Case { source_pitch: 384, ..Case::new(outputs, sources, len) };
                Case { source_at: at, output_at: other, ..case }.check();
                Case { source_at: other, output_at: at, ..case }.check();
            }
        }
    }
}

#[test]
fn products_match_their_definition_for_every_number_of_outputs() {
    for outputs in 1..=17 {
        for sources in [1, 2, 3, 16, 33, 64, 65] {
            for len in [1, 31, 63, 64, 65, 200, 513] {
                Case::new(outputs, sources, len).check();
            }
        }
    }
}

#[test]
fn products_match_their_definition_for_every_number_of_sources() {
    // A message has 255 at most, a product may have more.
    for sources in (1..=130).chain(255..=260).chain([511, 512, 513, 700]) {
        for (outputs, len) in [(1, 65), (3, 130), (8, 64), (9, 31)] {
            Case::new(outputs, sources, len).check();
        }
    }
}

#[test]
fn products_match_their_definition_where_sources_are_pages_apart() {
    for pages in 1..=3 {
        for sources in [2, 7, 8, 9, 10, 24] {
            for outputs in 1..=17 {
                for len in [64, 100, 700] {
                    let case = Case { source_pitch: pages * PAGE, ..Case::new(outputs, sources, len) };
                    case.check();
                    Case { source_at: 0, output_at: 0, ..case }.check();
                }
            }
        }
        Case { source_pitch: pages * PAGE, ..Case::new(11, 9, 5000) }.check();
    }
}

#[test]
fn every_byte_times_every_coefficient_is_the_product_of_the_field() {
    let all: Vec<u8> = (0..=255).collect();
    for kernel in common::kernels() {
        let mut rows = vec![vec![0; 256]; 256];
        let mut dst: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
        kernel.product(&mut dst, &[&all], &all, Mode::Overwrite);
        for (c, row) in (0..=255).zip(&rows) {
            assert!(row.iter().zip(&all).all(|(got, byte)| *got == gf256::mul(c, *byte)), "{kernel}, {c}");
        }
    }
}

#[test]
fn the_product_is_that_of_the_active_kernel() {
    let (source, coef) = ([1, 2, 3, 0x80, 0xFF].as_slice(), [7, 9]);
    let (mut rows, mut expected) = ([[1; 5]; 2], [[1; 5]; 2]);
    product(&mut rows.each_mut().map(|row| &mut row[..]), &[source], &coef, Mode::Accumulate);
    let mut dst = expected.each_mut().map(|row| &mut row[..]);
    Kernel::active().product(&mut dst, &[source], &coef, Mode::Accumulate);
    assert_eq!(rows, expected);
    assert_eq!(rows[1][3], 1 ^ gf256::mul(9, 0x80));
}

#[test]
fn an_empty_sum_clears_the_outputs_or_leaves_them() {
    for kernel in common::kernels() {
        let mut row = [1, 2, 3];
        kernel.product(&mut [&mut row], &[], &[], Mode::Accumulate);
        assert_eq!(row, [1, 2, 3], "{kernel}");
        kernel.product(&mut [&mut row], &[], &[], Mode::Overwrite);
        assert_eq!(row, [0, 0, 0], "{kernel}");
    }
}

#[test]
fn without_outputs_there_is_nothing_to_do() {
    product(&mut [], &[&[1, 2, 3]], &[], Mode::Overwrite);
}

#[test]
#[should_panic(expected = "coef is not a dst.len() x src.len() matrix")]
fn a_coefficient_matrix_of_the_wrong_size_is_refused() {
    product(&mut [&mut [0; 4]], &[&[0; 4]], &[1, 2], Mode::Overwrite);
}

#[test]
#[should_panic(expected = "source rows are not as long as the output rows")]
fn a_source_of_another_length_is_refused() {
    product(&mut [&mut [0; 4]], &[&[0; 5]], &[1], Mode::Overwrite);
}

#[test]
#[should_panic(expected = "output rows differ in length")]
fn outputs_of_different_lengths_are_refused() {
    product(&mut [&mut [0; 4], &mut [0; 3]], &[&[0; 4]], &[1, 2], Mode::Overwrite);
}

/// Bytes after each output that must stay as they were; those before are the guard of the output before.
const GUARD: usize = 64;

const PAGE: usize = 4096;
