//! Logarithm, power and angle in integers: the same on every machine, as the `f64` functions of platforms are not.
//!
//! Numbers are fixed-point: a Q32 value is its numerator over 2^32.

/// 1 in Q32.
pub(crate) const ONE: i64 = 1 << 32;

/// log2 of e, and its inverse, in Q32.
pub(crate) const LOG2_E: i64 = 6_196_328_019;
pub(crate) const LN_2: i64 = 2_977_044_472;

/// The base-2 logarithm of `value` (at least 1), Q32, rounded down: each squaring gives one more bit.
pub(crate) fn log2(value: u64) -> i64 {
    let whole = value.max(1).ilog2();
    // In [1, 2), with 63 bits after the point.
    let mut mantissa = u128::from(value.max(1)) << (63 - whole);
    let mut fraction = 0_i64;
    for _ in 0..32 {
        mantissa = (mantissa * mantissa) >> 63;
        let bit = (mantissa >> 64) as i64;
        fraction = (fraction << 1) | bit;
        mantissa >>= bit;
    }
    (i64::from(whole) << 32) | fraction
}

/// 2 to the power of a Q32 `exponent`, Q32, saturating.
pub(crate) fn exp2(exponent: i64) -> u64 {
    let (whole, fraction) = (exponent >> 32, exponent as u32);
    let root = |mantissa: u128, bit: usize| match (fraction >> (31 - bit)) & 1 {
        0 => mantissa,
        _ => (mantissa * ROOTS[bit]) >> 62,
    };
    let mantissa = (0..32).fold(1_u128 << 62, root);
    match whole {
        ..-32 => 0,
        // From 62 bits after the point to 32.
        -32..=30 => (mantissa >> (30 - whole)) as u64,
        31.. => u64::try_from(mantissa << (whole - 30).min(60)).unwrap_or(u64::MAX),
    }
}

/// 2^(1/2), 2^(1/4), 2^(1/8), …, with 62 bits after the point.
const ROOTS: [u128; 32] = {
    let (mut roots, mut root, mut bit) = ([0; 32], 2_u128 << 62, 0);
    while bit < 32 {
        root = (root << 62).isqrt();
        roots[bit] = root;
        bit += 1;
    }
    roots
};

/// Cosine and sine of an angle in millionths of a degree from -90 to 90 degrees, Q40.
///
/// Source: Volder, "The CORDIC Trigonometric Computing Technique", 1959: turns by ever smaller angles whose tangents
/// are powers of two.
pub(crate) fn cos_sin(microdegrees: i64) -> (i64, i64) {
    let mut angle = (i128::from(microdegrees) * i128::from(DEGREE) / 1_000_000) as i64;
    let (mut x, mut y) = (GAIN, 0);
    for (bit, turn) in TURNS.into_iter().enumerate() {
        (x, y, angle) = match angle >= 0 {
            true => (x - (y >> bit), y + (x >> bit), angle - turn),
            false => (x + (y >> bit), y - (x >> bit), angle + turn),
        };
    }
    (x, y)
}

/// The angle of the point (`x`, `y`) of the first quadrant, Q40 radians, by the same turns backwards.
pub(crate) fn angle_of(mut x: i64, mut y: i64) -> i64 {
    let mut angle = 0;
    for (bit, turn) in TURNS.into_iter().enumerate() {
        (x, y, angle) = match y > 0 {
            true => (x + (y >> bit), y - (x >> bit), angle + turn),
            false => (x - (y >> bit), y + (x >> bit), angle - turn),
        };
    }
    angle
}

/// One degree in radians, Q40.
const DEGREE: i64 = 19_190_098_069;

/// What the turns lengthen a vector by, inverted, Q40.
const GAIN: i64 = 667_681_663_043;

/// The angles whose tangents are 1, 1/2, 1/4, …, Q40 radians.
const TURNS: [i64; 32] = [
    863_554_413_089,
    509_785_937_287,
    269_356_888_665,
    136_729_762_476,
    68_630_207_382,
    34_348_560_106,
    17_178_471_287,
    8_589_759_836,
    4_294_945_451,
    2_147_480_917,
    1_073_741_483,
    536_870_869,
    268_435_451,
    134_217_727,
    67_108_864,
    33_554_432,
    16_777_216,
    8_388_608,
    4_194_304,
    2_097_152,
    1_048_576,
    524_288,
    262_144,
    131_072,
    65_536,
    32_768,
    16_384,
    8_192,
    4_096,
    2_048,
    1_024,
    512,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Fixed-point as a float, for comparisons.
    fn float(value: i64, bits: u32) -> f64 {
        value as f64 / (1_u64 << bits) as f64
    }

    #[test]
    fn logarithms_and_powers_are_right_and_undo_each_other() {
        for value in [1_u64, 2, 3, 10, 1_000, 123_456_789, u64::MAX] {
            assert!((float(log2(value), 32) - (value as f64).log2()).abs() < 1e-8, "{value}");
        }
        for exponent in [-20.5, -1.0, 0.0, 0.3, 1.0, 7.75, 20.1] {
            let power = float(exp2((exponent * ONE as f64) as i64) as i64, 32);
            assert!((power / f64::exp2(exponent) - 1.0).abs() < 1e-3 * f64::exp2(-exponent).clamp(1e-6, 1.0));
        }
        assert_eq!((exp2(-40 * ONE), exp2(0), exp2(90 * ONE)), (0, 1 << 32, u64::MAX));
    }

    #[test]
    fn angles_are_right() {
        for degrees in [-90_i64, -33, 0, 1, 45, 60, 89] {
            let (cos, sin) = cos_sin(degrees * 1_000_000);
            let angle = (degrees as f64).to_radians();
            assert!(
                (float(cos, 40) - angle.cos()).abs() < 1e-8 && (float(sin, 40) - angle.sin()).abs() < 1e-8
            );
            if degrees >= 0 {
                assert!((float(angle_of(cos.max(0), sin), 40) - angle).abs() < 1e-8, "{degrees}");
            }
        }
    }
}
