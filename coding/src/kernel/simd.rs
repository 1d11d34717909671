//! The tasks in vector registers: one algorithm for every instruction set.
//!
//! A tile of D outputs x V vectors is held in registers while all sources pass by, so each output byte is written
//! once. Sources are taken in pairs, which lets an instruction set with a three-operand xor save every other one.
//! Columns are worked on in stripes, so that the sources of a stripe stay in a cache for all blocks of outputs.
//!
//! Everything here is `#[inline(always)]`, and so becomes part of the few functions in [`x86`] and [`neon`] that
//! are compiled for their instructions.

mod ahead;
mod elimination;
#[cfg(any(target_arch = "aarch64", test))]
pub(super) mod neon;
mod nibbles;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

use core::mem::MaybeUninit;
use core::ops::Range;

use self::ahead::Ahead;
use super::{Mode, REGISTER_MAX, Task};

/// A family of vector instructions.
///
/// # Safety
///
/// All methods may be called only where the processor has the instructions. Pointers must be valid for as many
/// bytes as are read or written; they need no alignment.
pub(super) trait Simd {
    /// A register of bytes.
    type Vector: Copy;
    /// A register of source bytes, prepared once for all outputs that take it.
    type Operand: Copy;
    /// A coefficient as it is stored between tiles.
    type Stored: Copy;
    /// A coefficient in registers.
    type Factor: Copy;

    /// Bytes of a register, at most 64.
    const BYTES: usize;
    /// Most outputs in a tile, at most [`BLOCK_MAX`]: what there are registers for, and what was measured to be best.
    const OUTPUTS: usize;
    /// Whether there are registers for tiles of four vectors for each output, or only two.
    const WIDE: bool;

    unsafe fn zero() -> Self::Vector;
    unsafe fn load(from: *const u8) -> Self::Vector;
    unsafe fn store(to: *mut u8, vector: Self::Vector);

    /// The first `bytes` bytes, fewer than [`Self::BYTES`]; the others are zero.
    #[inline(always)]
    unsafe fn load_part(from: *const u8, bytes: usize) -> Self::Vector {
        let mut buffer = [0; REGISTER_MAX];
        // SAFETY: the caller's; the buffer is as long as any register.
        unsafe {
            buffer.as_mut_ptr().copy_from_nonoverlapping(from, bytes);
            Self::load(buffer.as_ptr())
        }
    }

    /// Writes the first `bytes` bytes, fewer than [`Self::BYTES`].
    #[inline(always)]
    unsafe fn store_part(to: *mut u8, vector: Self::Vector, bytes: usize) {
        let mut buffer = [0; REGISTER_MAX];
        // SAFETY: the caller's; the buffer is as long as any register.
        unsafe {
            Self::store(buffer.as_mut_ptr(), vector);
            to.copy_from_nonoverlapping(buffer.as_ptr(), bytes);
        }
    }

    /// Brings a line of memory closer.
    unsafe fn prefetch(from: *const u8);

    unsafe fn operand(vector: Self::Vector) -> Self::Operand;
    fn stored(coefficient: u8) -> Self::Stored;
    unsafe fn factor(stored: *const Self::Stored) -> Self::Factor;
    /// `sum ^ factor * operand`
    unsafe fn add(sum: Self::Vector, factor: Self::Factor, operand: Self::Operand) -> Self::Vector;
    /// `sum ^ f * a ^ g * b`
    #[inline(always)]
    unsafe fn add_pair(
        sum: Self::Vector,
        (f, a): (Self::Factor, Self::Operand),
        (g, b): (Self::Factor, Self::Operand),
    ) -> Self::Vector {
        // SAFETY: passed on to the caller.
        unsafe { Self::add(Self::add(sum, f, a), g, b) }
    }
}

/// # Safety
///
/// The processor must have the instructions of `S`. [`Task`] guarantees that the lengths fit.
#[inline(always)]
pub(super) unsafe fn run<S: Simd>(task: Task<'_, '_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match task {
            Task::Product { dst, src, coef, mode } => product::<S>(dst, src, coef, mode),
            Task::Reduce { row, matrix, factors, set } => elimination::reduce::<S>(row, matrix, factors, set),
            Task::Insert { row, matrix, factors, set, column } => {
                *column = elimination::insert::<S>(row, matrix, factors, set);
            }
        }
    }
}

/// # Safety
///
/// As [`run`].
#[inline(always)]
unsafe fn product<S: Simd>(dst: &mut [&mut [u8]], src: &[&[u8]], coef: &[u8], mode: Mode) {
    let len = dst.first().map_or(0, |row| row.len());
    let block = block_size::<S>(dst.len(), src);
    let mut coefficients = Coefficients::new();
    let mut accumulate = mode == Mode::Accumulate;
    // Without sources there is one empty group, so that the outputs are cleared.
    for first in (0..src.len().max(1)).step_by(COLUMNS) {
        let sources = &src[first..src.len().min(first + COLUMNS)];
        let stripe_len = if sources.len() > MANY { STRIPE / 2 } else { STRIPE };
        for start in (0..len).step_by(stripe_len) {
            let stripe = start..len.min(start + stripe_len);
            let mut ahead =
                Ahead::new(start + stripe_len, len, stripe_len, sources, dst.len().div_ceil(block));
            for (index, outputs) in dst.chunks_mut(block).enumerate() {
                for d in 0..outputs.len() {
                    let row = (index * block + d) * src.len() + first;
                    coefficients.set::<S>(d, &coef[row..row + sources.len()]);
                }
                let block = Block::<S> { sources, coefficients: &coefficients, accumulate };
                // SAFETY: all rows have `len` bytes, and `stripe` lies within.
                unsafe { block.run(outputs, stripe.clone(), &mut ahead) };
            }
        }
        accumulate = true;
    }
}

/// How many outputs to make together.
///
/// As many as the registers hold, in blocks of nearly equal size: two of five do better than one of eight and one
/// of two. But where sources lie a multiple of a page apart, as the rows of a message of 2^n bytes do, their stripes
/// compete for the same few sets of the first cache; longer runs of each source, so fewer outputs, do better then.
#[inline(always)]
fn block_size<S: Simd>(outputs: usize, src: &[&[u8]]) -> usize {
    let apart = |a: &[u8], b: &[u8]| a.as_ptr().addr().wrapping_sub(b.as_ptr().addr());
    let compete = matches!(src, [a, b, ..] if src.len() > WAYS && apart(a, b).is_multiple_of(PAGE));
    let most = if compete { S::OUTPUTS.min(BLOCK_MAX - 2) } else { S::OUTPUTS };
    outputs.div_ceil(outputs.div_ceil(most).max(1)).max(1)
}

/// The coefficients of a block of outputs, one row for each, ready to be loaded.
///
/// Rows are a little longer than needed, so that they do not compete for the same sets of a cache.
struct Coefficients<T>([[MaybeUninit<T>; COLUMNS + 8]; BLOCK_MAX]);

impl<T: Copy> Coefficients<T> {
    #[inline(always)]
    const fn new() -> Self {
        Self([[MaybeUninit::uninit(); COLUMNS + 8]; BLOCK_MAX])
    }

    #[inline(always)]
    fn set<S: Simd<Stored = T>>(&mut self, output: usize, coefficients: &[u8]) {
        for (stored, coefficient) in self.0[output].iter_mut().zip(coefficients) {
            stored.write(S::stored(*coefficient));
        }
    }

    /// # Safety
    ///
    /// `source` must be below the number of coefficients that were set for this output.
    #[inline(always)]
    unsafe fn factor<S: Simd<Stored = T>>(&self, output: usize, source: usize) -> S::Factor {
        // SAFETY: the caller's.
        unsafe { S::factor(self.0.get_unchecked(output).as_ptr().add(source).cast()) }
    }
}

/// Some outputs, at most [`BLOCK_MAX`], that are made together.
struct Block<'b, S: Simd> {
    sources: &'b [&'b [u8]],
    coefficients: &'b Coefficients<S::Stored>,
    accumulate: bool,
}

impl<S: Simd> Block<'_, S> {
    /// Makes one stripe of the outputs.
    ///
    /// # Safety
    ///
    /// As [`run`]; coefficients must be set for all `outputs` and sources, and all rows must reach to the end of
    /// the stripe.
    #[inline(always)]
    unsafe fn run(&self, outputs: &mut [&mut [u8]], stripe: Range<usize>, ahead: &mut Ahead) {
        // SAFETY: D is the number of outputs; the rest is the caller's.
        unsafe {
            match outputs.len() {
                1 if S::WIDE => self.columns::<1, 8>(outputs, stripe, ahead),
                2 if S::WIDE => self.columns::<2, 4>(outputs, stripe, ahead),
                3 if S::WIDE => self.columns::<3, 4>(outputs, stripe, ahead),
                4 if S::WIDE => self.columns::<4, 4>(outputs, stripe, ahead),
                1 => self.columns::<1, 4>(outputs, stripe, ahead),
                2 => self.columns::<2, 2>(outputs, stripe, ahead),
                3 => self.columns::<3, 2>(outputs, stripe, ahead),
                4 => self.columns::<4, 2>(outputs, stripe, ahead),
                5 => self.columns::<5, 4>(outputs, stripe, ahead),
                6 => self.columns::<6, 4>(outputs, stripe, ahead),
                7 => self.columns::<7, 2>(outputs, stripe, ahead),
                8 => self.columns::<8, 2>(outputs, stripe, ahead),
                outputs => unreachable!("a block of {outputs} outputs"),
            }
        }
    }

    /// # Safety
    ///
    /// As [`Block::run`], and `outputs` has `D` rows.
    #[inline(always)]
    unsafe fn columns<const D: usize, const V: usize>(
        &self,
        outputs: &mut [&mut [u8]],
        stripe: Range<usize>,
        ahead: &mut Ahead,
    ) {
        let outputs: [*mut u8; D] = core::array::from_fn(|d| outputs[d].as_mut_ptr());
        let mut at = stripe.start;
        // SAFETY: each tile ends before the stripe does.
        unsafe {
            while stripe.end - at >= V * S::BYTES {
                ahead.fetch::<S>(self.sources, V * S::BYTES);
                self.tile::<D, V>(outputs, at, S::BYTES);
                at += V * S::BYTES;
            }
            while stripe.end - at >= S::BYTES {
                self.tile::<D, 1>(outputs, at, S::BYTES);
                at += S::BYTES;
            }
            if at < stripe.end {
                self.tile::<D, 1>(outputs, at, stripe.end - at);
            }
        }
    }

    /// Makes `D` x `V` vectors from column `at`; of vectors, only the first `bytes` bytes.
    ///
    /// # Safety
    ///
    /// As [`Block::run`], and the rows must reach to the end of the tile.
    #[inline(always)]
    unsafe fn tile<const D: usize, const V: usize>(&self, outputs: [*mut u8; D], at: usize, bytes: usize) {
        // SAFETY: the caller's; `s` stays below the number of sources.
        unsafe {
            let mut sums = [[S::zero(); V]; D];
            if self.accumulate {
                for (sums, output) in sums.iter_mut().zip(outputs) {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = load::<S>(output.add(at + v * S::BYTES), bytes);
                    }
                }
            }
            let mut s = 0;
            while s + 1 < self.sources.len() {
                let (a, b) = (self.operands::<V>(s, at, bytes), self.operands::<V>(s + 1, at, bytes));
                for (d, sums) in sums.iter_mut().enumerate() {
                    let f = self.coefficients.factor::<S>(d, s);
                    let g = self.coefficients.factor::<S>(d, s + 1);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = S::add_pair(*sum, (f, a[v]), (g, b[v]));
                    }
                }
                s += 2;
            }
            if s < self.sources.len() {
                let a = self.operands::<V>(s, at, bytes);
                for (d, sums) in sums.iter_mut().enumerate() {
                    let f = self.coefficients.factor::<S>(d, s);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = S::add(*sum, f, a[v]);
                    }
                }
            }
            for (sums, output) in sums.iter().zip(outputs) {
                for (v, sum) in sums.iter().enumerate() {
                    store::<S>(output.add(at + v * S::BYTES), *sum, bytes);
                }
            }
        }
    }
    /// `V` vectors of source `s` from column `at`; of each, only the first `bytes` bytes.
    ///
    /// # Safety
    ///
    /// As [`Block::tile`], and `s` is below the number of sources.
    #[inline(always)]
    unsafe fn operands<const V: usize>(&self, s: usize, at: usize, bytes: usize) -> [S::Operand; V] {
        // SAFETY: the caller's.
        unsafe {
            let source = self.sources.get_unchecked(s).as_ptr().add(at);
            let mut operands = [S::operand(S::zero()); V];
            for (v, operand) in operands.iter_mut().enumerate() {
                *operand = S::operand(load::<S>(source.add(v * S::BYTES), bytes));
            }
            operands
        }
    }
}

/// # Safety
///
/// As [`Simd`].
#[inline(always)]
unsafe fn load<S: Simd>(from: *const u8, bytes: usize) -> S::Vector {
    // SAFETY: the caller's.
    unsafe { if bytes == S::BYTES { S::load(from) } else { S::load_part(from, bytes) } }
}

/// # Safety
///
/// As [`Simd`].
#[inline(always)]
unsafe fn store<S: Simd>(to: *mut u8, vector: S::Vector, bytes: usize) {
    // SAFETY: the caller's.
    unsafe { if bytes == S::BYTES { S::store(to, vector) } else { S::store_part(to, vector, bytes) } }
}

/// Most outputs in a block.
const BLOCK_MAX: usize = 8;

/// Most sources that are taken together: as many as a message has shards.
const COLUMNS: usize = 256;

/// Columns worked on at once, in bytes: the stripes of all sources should stay in a second-level cache, and long ones
/// make the coefficients cost nothing. Measured with 1 MiB of cache; half as much for more than [`MANY`] sources.
const STRIPE: usize = 4096;
const MANY: usize = 64;

/// Associativity of the first cache, and the distance in bytes at which addresses compete for the same set of it,
/// on all processors of interest.
const WAYS: usize = 8;
const PAGE: usize = 4096;
