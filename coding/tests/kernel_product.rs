//! The fused product against its definition, one scalar at a time.

mod common;

use braidcast_coding::gf256;
use braidcast_coding::kernel::{Mode, product};
use rand_chacha::rand_core::Rng;

/// One product of random operands, checked, with guard bytes around each output.
fn check(outputs: usize, sources: usize, len: usize, mode: Mode) {
    let mut rng = common::rng((outputs * 1_000_003 + sources * 7919 + len) as u64);
    let mut random = |n: usize| {
        let mut bytes = vec![0; n];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let source_rows: Vec<Vec<u8>> = (0..sources).map(|_| random(len + 3)).collect();
    let before: Vec<Vec<u8>> = (0..outputs).map(|_| random(len + 3)).collect();
    let mut coef = random(outputs * sources);
    // Zero and one are the values a kernel may treat apart.
    coef.iter_mut().step_by(5).for_each(|c| *c &= 1);

    // Odd offsets, so that nothing is aligned.
    let src: Vec<&[u8]> = source_rows.iter().map(|row| &row[3..]).collect();
    let mut after = before.clone();
    let mut dst: Vec<&mut [u8]> = after.iter_mut().map(|row| &mut row[1..=len]).collect();
    product(&mut dst, &src, &coef, mode);

    for (d, (before, after)) in before.iter().zip(&after).enumerate() {
        let mut expected = before.clone();
        for (i, byte) in expected[1..=len].iter_mut().enumerate() {
            let sum = (0..sources).fold(0, |sum, s| sum ^ gf256::mul(coef[d * sources + s], src[s][i]));
            *byte = if mode == Mode::Accumulate { *byte ^ sum } else { sum };
        }
        assert_eq!(*after, expected, "{outputs} x {sources}, {len} bytes, {mode:?}, output {d}");
    }
}

fn check_both_modes(outputs: usize, sources: usize, len: usize) {
    check(outputs, sources, len, Mode::Overwrite);
    check(outputs, sources, len, Mode::Accumulate);
}

#[test]
fn product_matches_its_definition_at_every_length_up_to_300() {
    for len in 0..=300 {
        for (outputs, sources) in [(1, 1), (1, 6), (2, 3), (3, 1), (4, 4), (5, 33), (9, 2)] {
            check_both_modes(outputs, sources, len);
        }
    }
}

#[test]
fn product_matches_its_definition_at_every_matrix_shape() {
    for outputs in 1..=9 {
        for sources in 1..=40 {
            for len in [1, 31, 64, 131] {
                check_both_modes(outputs, sources, len);
            }
        }
    }
}

#[test]
fn product_matches_its_definition_around_the_stripe_boundaries() {
    for len in [4094, 4095, 4096, 4097, 4098, 8191, 8192, 8193, 12_345] {
        for (outputs, sources) in [(1, 1), (1, 40), (4, 16), (7, 33)] {
            check_both_modes(outputs, sources, len);
        }
    }
}

#[test]
fn product_takes_as_many_sources_as_a_message_has_shards() {
    for sources in [63, 64, 65, 128, 254, 255] {
        check_both_modes(3, sources, 200);
    }
}

#[test]
fn an_empty_sum_clears_the_outputs_or_leaves_them() {
    let mut row = [1, 2, 3];
    product(&mut [&mut row], &[], &[], Mode::Accumulate);
    assert_eq!(row, [1, 2, 3]);
    product(&mut [&mut row], &[], &[], Mode::Overwrite);
    assert_eq!(row, [0, 0, 0]);
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
