//! The product without any processor-specific instruction: the reference, and the fallback everywhere.
//!
//! Multiplication by a byte is a sum of products by powers of x. The powers of one source vector are made once
//! (the ladder s, s*x, s*x^2, …) and shared by up to four outputs, each of which adds those that its coefficient
//! has a bit for. The loops run over fixed-size arrays of bytes, which compilers turn into vector code.

use crate::gf256;

/// `dst[d] ^= sum over s of coef[d][s] * src[s]`; lengths were checked by the caller.
pub(super) fn accumulate(dst: &mut [&mut [u8]], src: &[&[u8]], coef: &[u8]) {
    let len = dst.first().map_or(0, |row| row.len());
    for start in (0..len).step_by(STRIPE) {
        let stripe = start..len.min(start + STRIPE);
        for (block, rows) in dst.chunks_mut(BLOCK).enumerate() {
            for (s, source) in src.iter().enumerate() {
                let coefficient = |d: usize| coef[(block * BLOCK + d) * src.len() + s];
                let source = &source[stripe.clone()];
                match rows {
                    [a] => by_table(&mut a[stripe.clone()], source, coefficient(0)),
                    [a, b] => {
                        let out = [&mut a[stripe.clone()], &mut b[stripe.clone()]];
                        by_ladder(out, source, core::array::from_fn(coefficient));
                    }
                    [a, b, c] => {
                        let out = [&mut a[stripe.clone()], &mut b[stripe.clone()], &mut c[stripe.clone()]];
                        by_ladder(out, source, core::array::from_fn(coefficient));
                    }
                    [a, b, c, d, ..] => {
                        let [a, b, c, d] = [a, b, c, d].map(|row| &mut row[stripe.clone()]);
                        by_ladder([a, b, c, d], source, core::array::from_fn(coefficient));
                    }
                    [] => {}
                }
            }
        }
    }
}

/// One source into one output through the table of all products of the coefficient.
fn by_table(out: &mut [u8], source: &[u8], coefficient: u8) {
    match coefficient {
        0 => {}
        1 => out.iter_mut().zip(source).for_each(|(o, s)| *o ^= s),
        _ => {
            let table = gf256::row_table(coefficient);
            out.iter_mut().zip(source).for_each(|(o, s)| *o ^= table[usize::from(*s)]);
        }
    }
}

/// One source into `D` outputs that share its ladder of powers of x.
fn by_ladder<const D: usize>(mut out: [&mut [u8]; D], source: &[u8], coefficients: [u8; D]) {
    let (chunks, rest) = source.as_chunks::<LANES>();
    for (i, chunk) in chunks.iter().enumerate() {
        let mut sums = [[0; LANES]; D];
        for (sum, row) in sums.iter_mut().zip(&out) {
            sum.copy_from_slice(&row[i * LANES..][..LANES]);
        }
        add_ladder(&mut sums, *chunk, coefficients);
        for (sum, row) in sums.iter().zip(&mut out) {
            row[i * LANES..][..LANES].copy_from_slice(sum);
        }
    }
    let done = chunks.len() * LANES;
    for (row, coefficient) in out.iter_mut().zip(coefficients) {
        row[done..].iter_mut().zip(rest).for_each(|(o, s)| *o ^= gf256::mul(coefficient, *s));
    }
}

#[inline(always)]
fn add_ladder<const D: usize>(sums: &mut [[u8; LANES]; D], mut power: [u8; LANES], coefficients: [u8; D]) {
    for bit in 0..8 {
        for (sum, coefficient) in sums.iter_mut().zip(coefficients) {
            // The same for every chunk of a stripe, so the branch is predicted; a mask would cost more.
            if coefficient >> bit & 1 == 1 {
                sum.iter_mut().zip(&power).for_each(|(o, p)| *o ^= p);
            }
        }
        power.iter_mut().for_each(|p| *p = gf256::xtime(*p));
    }
}

/// Outputs that share one ladder: their sums and the ladder fit the 16 vector registers of the smallest targets.
const BLOCK: usize = 4;

/// Bytes worked on at once: two vectors of SSE2 or NEON.
const LANES: usize = 32;

/// Columns worked on at once, in bytes: one source and a block of outputs of this width stay in a 32 KiB cache.
const STRIPE: usize = 4096;
