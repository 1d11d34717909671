//! The product without any processor-specific instruction: the reference, and the fallback everywhere.
//!
//! A coefficient is a sum of powers of x. So an output is the sum over i of x^i times the sum of those sources
//! whose coefficient contains x^i. Evaluated from the highest power down (Horner's rule), that takes seven
//! multiplications by x for any number of sources, and one xor for every bit set in a coefficient. The sums stay
//! in registers; the loops run over fixed-size arrays of bytes, which compilers turn into vector code.
//!
//! When several outputs are made, the 16 sums of each four sources are made first, and an output takes one of them
//! for each power: one xor instead of two on average (the "method of the four Russians": Arlazarov et al., "On
//! economical construction of the transitive closure of a directed graph", 1970).

use core::ops::Range;

use super::{Mode, RowSet, Task};
use crate::gf256;

pub(super) fn run(task: Task<'_, '_>) {
    match task {
        Task::Product { dst, src, coef, mode } => {
            if mode == Mode::Overwrite {
                dst.iter_mut().for_each(|row| row.fill(0));
            }
            accumulate(dst, src, coef);
        }
        Task::Reduce { row, matrix, factors, set } => reduce(row, matrix, factors, set),
        Task::Insert { row, matrix, factors, set, column } => *column = insert(row, matrix, factors, set),
    }
}

fn reduce(row: &mut [u8], matrix: &[u8], factors: &[u8], set: &RowSet) {
    let len = row.len();
    for r in set.iter().filter(|r| factors[*r] != 0) {
        accumulate(&mut [&mut *row], &[&matrix[r * len..][..len]], &[factors[r]]);
    }
}

fn insert(row: &mut [u8], matrix: &mut [u8], factors: &[u8], set: &RowSet) -> Option<usize> {
    reduce(row, matrix, factors, set);
    let column = set.first_missing(&row[..factors.len()])?;
    let inverse = gf256::inv(row[column]).expect("what was found is not zero");
    row.iter_mut().for_each(|c| *c = gf256::mul(inverse, *c));
    for r in set.iter() {
        let target = &mut matrix[r * row.len()..][..row.len()];
        let factor = target[column];
        if factor != 0 {
            accumulate(&mut [target], &[row], &[factor]);
        }
    }
    matrix[column * row.len()..][..row.len()].copy_from_slice(row);
    Some(column)
}

/// `dst[d] ^= sum over s of coef[d][s] * src[s]`
fn accumulate(dst: &mut [&mut [u8]], src: &[&[u8]], coef: &[u8]) {
    let len = dst.first().map_or(0, |row| row.len());
    for (index, sources) in src.chunks(GROUP).enumerate() {
        let columns = index * GROUP..index * GROUP + sources.len();
        for start in (0..len).step_by(STRIPE) {
            let stripe = start..len.min(start + STRIPE);
            for (outputs, coef) in dst.chunks_mut(BLOCK).zip(coef.chunks(BLOCK * src.len())) {
                let mut planes = [[0; 8]; BLOCK];
                for (planes, row) in planes.iter_mut().zip(coef.chunks_exact(src.len())) {
                    *planes = planes_of(&row[columns.clone()]);
                }
                if outputs.len() < TABLES_FROM {
                    outputs.iter_mut().zip(&planes).for_each(|(out, planes)| {
                        add_stripe(out, sources, planes, stripe.clone());
                    });
                } else {
                    add_stripes(outputs, sources, &planes, stripe.clone());
                }
            }
        }
    }
}

/// For each power of x, from the highest down, the set of sources whose coefficient contains it.
type Planes = [u32; 8];

fn planes_of(coefficients: &[u8]) -> Planes {
    let mut planes = [0; 8];
    for (s, coefficient) in coefficients.iter().enumerate() {
        for (bit, plane) in planes.iter_mut().rev().enumerate() {
            *plane |= u32::from(coefficient >> bit & 1) << s;
        }
    }
    planes
}

/// Adds to one stripe of one output, in pieces that get smaller towards its end.
fn add_stripe(out: &mut [u8], sources: &[&[u8]], planes: &Planes, stripe: Range<usize>) {
    let mut left = stripe;
    add_pieces::<128>(out, sources, planes, &mut left);
    add_pieces::<32>(out, sources, planes, &mut left);
    add_pieces::<8>(out, sources, planes, &mut left);
    add_pieces::<1>(out, sources, planes, &mut left);
}

/// Adds to as many whole pieces of `N` bytes as are left, and takes them off `left`.
#[inline(always)]
fn add_pieces<const N: usize>(out: &mut [u8], sources: &[&[u8]], planes: &Planes, left: &mut Range<usize>) {
    while left.len() >= N {
        let sum = horner::<N>(sources, planes, left.start);
        out[left.start..][..N].iter_mut().zip(&sum).for_each(|(o, s)| *o ^= s);
        left.start += N;
    }
}

/// `N` bytes of the sum over all sources, from byte `start`.
#[inline(always)]
fn horner<const N: usize>(sources: &[&[u8]], planes: &Planes, start: usize) -> [u8; N] {
    let mut sum = [0; N];
    for plane in planes {
        sum.iter_mut().for_each(|s| *s = gf256::xtime(*s));
        let mut members = *plane;
        while members != 0 {
            let source = &sources[members.trailing_zeros() as usize][start..start + N];
            sum.iter_mut().zip(source).for_each(|(s, a)| *s ^= a);
            members &= members - 1;
        }
    }
    sum
}

/// Adds to one stripe of several outputs, in pieces that get smaller towards its end.
fn add_stripes(outputs: &mut [&mut [u8]], sources: &[&[u8]], planes: &[Planes], stripe: Range<usize>) {
    let mut left = stripe;
    add_pieces_by_table::<128>(outputs, sources, planes, &mut left);
    add_pieces_by_table::<16>(outputs, sources, planes, &mut left);
    add_pieces_by_table::<1>(outputs, sources, planes, &mut left);
}

/// Adds to as many whole pieces of `N` bytes as are left, and takes them off `left`.
#[inline(always)]
fn add_pieces_by_table<const N: usize>(
    outputs: &mut [&mut [u8]],
    sources: &[&[u8]],
    planes: &[Planes],
    left: &mut Range<usize>,
) {
    let mut tables = [[[0; N]; 16]; GROUP / 4];
    while left.len() >= N {
        for (table, four) in tables.iter_mut().zip(sources.chunks(4)) {
            fill_table(table, four, left.start);
        }
        let tables = &tables[..sources.len().div_ceil(4)];
        for (out, planes) in outputs.iter_mut().zip(planes) {
            let mut sum = [0; N];
            for plane in planes {
                sum.iter_mut().for_each(|s| *s = gf256::xtime(*s));
                for (index, table) in tables.iter().enumerate() {
                    let entry = &table[(plane >> (4 * index) & 15) as usize];
                    sum.iter_mut().zip(entry).for_each(|(s, a)| *s ^= a);
                }
            }
            out[left.start..][..N].iter_mut().zip(&sum).for_each(|(o, s)| *o ^= s);
        }
        left.start += N;
    }
}

/// Entry i becomes the sum of those of up to four sources whose bit is set in i, from byte `start`.
#[inline(always)]
fn fill_table<const N: usize>(table: &mut [[u8; N]; 16], sources: &[&[u8]], start: usize) {
    for (bit, source) in sources.iter().enumerate() {
        let (known, rest) = table.split_at_mut(1 << bit);
        for (entry, sum) in known.iter().zip(rest) {
            let source = &source[start..start + N];
            sum.iter_mut().zip(entry).zip(source).for_each(|((s, a), b)| *s = a ^ b);
        }
    }
}

/// Sources taken together: as many as a set of them has bits.
const GROUP: usize = u32::BITS as usize;

/// Columns worked on at once, in bytes, so that the sources stay in a cache while all outputs are made.
const STRIPE: usize = 4096;

/// Outputs worked on at once, so that tables are made once for all of them.
const BLOCK: usize = 8;

/// From how many outputs on tables pay.
const TABLES_FROM: usize = 3;
