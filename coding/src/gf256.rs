//! Arithmetic in GF(2^8) with the reduction polynomial x^8 + x^4 + x^3 + x + 1 (0x11B).
//!
//! An element is a byte whose bit *i* is the coefficient of x^i. Addition and subtraction are both `^`,
//! so neither has a function here.
//!
//! 0x11B is the polynomial of AES (FIPS 197, section 4.2). Any irreducible polynomial of degree 8 codes equally
//! well; this one is the one that processors multiply by in a single instruction (`gf2p8mulb`, `gf2p8inverse`).
//! x itself is not primitive for 0x11B, so the logarithms are to the base x + 1 ([`GENERATOR`]).
//!
//! All tables are computed by the compiler: there is no initialisation at run time.

/// The low byte of the reduction polynomial: what x^8 becomes.
pub const POLYNOMIAL_LOW: u8 = 0x1B;

/// A generator of the multiplicative group: its powers are all 255 non-zero elements.
pub const GENERATOR: u8 = 0x03;

/// The product of an element and x.
///
/// Branch-free, so that a loop of it over bytes becomes vector code.
#[inline]
#[must_use]
pub const fn xtime(a: u8) -> u8 {
    // The arithmetic shift spreads the top bit over the byte: all ones exactly if x^8 appears and must be reduced.
    (a << 1) ^ (((a as i8) >> 7) as u8 & POLYNOMIAL_LOW)
}

/// The product of two elements: three table look-ups, not constant in time.
#[inline]
#[must_use]
pub const fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[LOG[a as usize] as usize + LOG[b as usize] as usize]
}

/// The multiplicative inverse, or `None` for zero, which has none.
#[inline]
#[must_use]
pub const fn inv(a: u8) -> Option<u8> {
    if a == 0 { None } else { Some(EXP[GROUP_ORDER - LOG[a as usize] as usize]) }
}

/// Number of non-zero elements.
const GROUP_ORDER: usize = 255;

/// Powers of the generator, written out twice so that a sum of two logarithms needs no reduction.
const EXP: [u8; 2 * GROUP_ORDER] = exp_table();

/// Logarithms to the base of the generator. `LOG[0]` is meaningless and never read.
const LOG: [u8; 256] = log_table();

const fn exp_table() -> [u8; 2 * GROUP_ORDER] {
    let mut table = [0; 2 * GROUP_ORDER];
    let mut power: u8 = 1;
    let mut i = 0;
    while i < table.len() {
        table[i] = power;
        power ^= xtime(power);
        i += 1;
    }
    table
}

const fn log_table() -> [u8; 256] {
    let exp = exp_table();
    let mut table = [0; 256];
    let mut i = 0;
    while i < GROUP_ORDER {
        table[exp[i] as usize] = i as u8;
        i += 1;
    }
    table
}

// `power ^= xtime(power)` above multiplies by x + 1, and the whole group must be reached.
const _: () = assert!(GENERATOR == 1 ^ xtime(1) && EXP[GROUP_ORDER] == 1 && LOG[1] == 0);

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplication as the definition has it: add the shifted copies, then divide by the polynomial.
    fn mul_by_long_division(a: u8, b: u8) -> u8 {
        let mut product: u16 = 0;
        for bit in 0..8 {
            if b >> bit & 1 == 1 {
                product ^= u16::from(a) << bit;
            }
        }
        for bit in (8..16).rev() {
            if product >> bit & 1 == 1 {
                product ^= 0x11B << (bit - 8);
            }
        }
        product as u8
    }

    #[test]
    fn product_agrees_with_polynomial_long_division_for_all_pairs() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(mul(a, b), mul_by_long_division(a, b), "{a:#x} * {b:#x}");
            }
        }
    }

    #[test]
    fn products_match_the_examples_of_fips_197() {
        assert_eq!(mul(0x57, 0x83), 0xC1);
        assert_eq!(mul(0x57, 0x13), 0xFE);
        assert_eq!(xtime(0x8E), 0x07);
    }

    #[test]
    fn multiplication_is_commutative_associative_and_distributive() {
        for a in 0..=255 {
            for b in (0..=255).step_by(3) {
                assert_eq!(mul(a, b), mul(b, a));
                for c in (0..=255).step_by(17) {
                    assert_eq!(mul(mul(a, b), c), mul(a, mul(b, c)));
                    assert_eq!(mul(a, b ^ c), mul(a, b) ^ mul(a, c));
                }
            }
        }
    }

    #[test]
    fn one_is_neutral_and_zero_absorbs() {
        for a in 0..=255 {
            assert_eq!(mul(a, 1), a);
            assert_eq!(mul(a, 0), 0);
        }
    }

    #[test]
    fn every_non_zero_element_has_an_inverse_and_zero_has_none() {
        assert_eq!(inv(0), None);
        for a in 1..=255 {
            assert_eq!(mul(a, inv(a).unwrap()), 1);
        }
    }
}
