//! Coefficient vectors: their storage, and the randomness they are made of.

mod common;

use core::convert::Infallible;

use braidcast_coding::Coefficients;
use rand_chacha::rand_core::TryRng;

/// The worst generator there is.
struct Stuck;

impl TryRng for Stuck {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0);
        Ok(())
    }
}

#[test]
fn vectors_read_back_as_they_were_written_in_place_and_on_the_heap() {
    for len in [0, 1, 31, 32, 33, 255] {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
        let vector = Coefficients::from_slice(&bytes);
        assert_eq!(vector[..], bytes);
        assert_eq!(vector, vector.clone());
    }
    assert_ne!(Coefficients::from_slice(&[1]), Coefficients::from_slice(&[1, 0]));
}

#[test]
fn a_unit_vector_has_a_single_one() {
    assert_eq!(Coefficients::unit(4, 2)[..], [0, 0, 1, 0]);
    assert_eq!(Coefficients::unit(255, 254).iter().map(|c| usize::from(*c)).sum::<usize>(), 1);
}

#[test]
fn up_to_four_coefficients_are_all_non_zero_and_take_every_other_value() {
    let mut rng = common::rng(1);
    let mut seen = [false; 256];
    for _ in 0..4000 {
        Coefficients::random(4, &mut rng).iter().for_each(|c| seen[usize::from(*c)] = true);
    }
    assert!(!seen[0] && seen[1..].iter().all(|seen| *seen));
}

#[test]
fn longer_vectors_take_every_value_including_zero() {
    let mut rng = common::rng(2);
    let mut seen = [false; 256];
    for _ in 0..4000 {
        Coefficients::random(5, &mut rng).iter().for_each(|c| seen[usize::from(*c)] = true);
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn even_a_generator_stuck_at_zero_gives_no_zero_vector() {
    for k in [1, 4, 5, 33, 255] {
        assert!(Coefficients::random(k, &mut Stuck).iter().any(|c| *c != 0), "k = {k}");
    }
}

#[test]
fn debug_output_is_short() {
    assert_eq!(format!("{:?}", Coefficients::from_slice(&[1, 2, 0xFF])), "0102ff");
    assert_eq!(format!("{:?}", Coefficients::from_slice(&[9; 40])), "09090909..(40)");
}
