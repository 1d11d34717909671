//! The one fused product that encoding, recoding, decoding and rank updates are made of.
//!
//! A product reads each source once for a whole block of outputs. Coding one output with one source at a time
//! ("axpy") would read and write every output once per source, and memory traffic, not arithmetic, would set the
//! speed; so such an operation is deliberately not offered.
//!
//! There is one implementation for each family of vector instructions, and all give the same bytes. The fastest
//! that the processor has is found once; [`Kernel`] names them, for tests and measurements.

#![cfg_attr(any(target_arch = "x86_64", target_arch = "aarch64"), allow(unsafe_code))]

mod choice;
#[cfg(feature = "limits")]
pub mod limits;
mod portable;
mod row_set;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod simd;

pub use choice::{KERNEL_VARIABLE, Kernel, KernelError};
pub(crate) use row_set::RowSet;

/// What a product does with the previous content of the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The outputs are overwritten; what they held is not read.
    Overwrite,
    /// The product is added (xor) to what the outputs hold.
    Accumulate,
}

/// Computes `dst[d] (^)= sum over s of coef[d][s] * src[s]` over GF(2^8), bytewise, with [`Kernel::active`].
///
/// `coef` is the matrix of `dst.len()` rows and `src.len()` columns, row after row. An empty sum is zero, so
/// without sources [`Mode::Overwrite`] clears the outputs. Rows may have any length and alignment; multiples of
/// 64 bytes on 64-byte boundaries are fastest.
///
/// Takes O(`dst.len()` x `src.len()` x row length) byte products, and allocates nothing.
///
/// # Panics
///
/// If `coef` does not have `dst.len() * src.len()` bytes, or if not all rows of `dst` and `src` have one length.
pub fn product(dst: &mut [&mut [u8]], src: &[&[u8]], coef: &[u8], mode: Mode) {
    run(Kernel::active(), Task::product(dst, src, coef, mode));
}

impl Kernel {
    /// [`product`] with this kernel.
    ///
    /// # Panics
    ///
    /// As [`product`], and if this processor cannot run the kernel.
    pub fn product(self, dst: &mut [&mut [u8]], src: &[&[u8]], coef: &[u8], mode: Mode) {
        assert!(self.is_available(), "{}", KernelError::Unavailable(self));
        run(self, Task::product(dst, src, coef, mode));
    }
}

/// `row ^= sum over r in set of factors[r] * matrix[r]`, where `matrix` has rows as long as `row`: a multiple of 64.
pub(crate) fn reduce(row: &mut [u8], matrix: &[u8], factors: &[u8], set: &RowSet) {
    check_matrix(row, matrix, factors, set);
    run(Kernel::active(), Task::Reduce { row, matrix, factors, set });
}

/// One step of elimination. `matrix` has rows as long as `row`, a multiple of 64 bytes; row r, for every r in `set`,
/// has a one in column r, where all other rows have a zero.
///
/// Reduces `row`, which starts with `factors`, by these rows. If one of its first `factors.len()` bytes remains,
/// scales it to have a one there, clears that column in the other rows, writes it to the matrix as the row of that
/// column, and returns the column. The matrix must have a row for each factor.
pub(crate) fn insert(row: &mut [u8], matrix: &mut [u8], factors: &[u8], set: &RowSet) -> Option<usize> {
    check_matrix(row, matrix, factors, set);
    assert!(factors.len() <= row.len() && factors.len() * row.len() <= matrix.len(), "columns without a row");
    let mut column = None;
    run(Kernel::active(), Task::Insert { row, matrix, factors, set, column: &mut column });
    column
}

fn check_matrix(row: &[u8], matrix: &[u8], factors: &[u8], set: &RowSet) {
    assert_eq!(row.len() % REGISTER_MAX, 0, "rows are whole vectors");
    assert!(
        set.end() * row.len() <= matrix.len() && set.end() <= factors.len(),
        "set has rows beyond the matrix"
    );
}

/// What kernels can do. Lengths were checked when it was made.
enum Task<'t, 'd> {
    /// See [`product`].
    Product { dst: &'t mut [&'d mut [u8]], src: &'t [&'t [u8]], coef: &'t [u8], mode: Mode },
    /// See [`reduce`].
    Reduce { row: &'t mut [u8], matrix: &'t [u8], factors: &'t [u8], set: &'t RowSet },
    /// See [`insert`].
    Insert {
        row: &'t mut [u8],
        matrix: &'t mut [u8],
        factors: &'t [u8],
        set: &'t RowSet,
        column: &'t mut Option<usize>,
    },
}

impl<'t, 'd> Task<'t, 'd> {
    fn product(dst: &'t mut [&'d mut [u8]], src: &'t [&'t [u8]], coef: &'t [u8], mode: Mode) -> Self {
        assert_eq!(coef.len(), dst.len() * src.len(), "coef is not a dst.len() x src.len() matrix");
        let len = dst.first().map_or(0, |row| row.len());
        assert!(dst.iter().all(|row| row.len() == len), "output rows differ in length");
        let fits = dst.is_empty() || src.iter().all(|row| row.len() == len);
        assert!(fits, "source rows are not as long as the output rows");
        Self::Product { dst, src, coef, mode }
    }
}

/// The one place where a kernel is chosen: once per task, never per row.
fn run(kernel: Kernel, task: Task<'_, '_>) {
    match kernel {
        Kernel::Portable => portable::run(task),
        // SAFETY: kernels other than the portable one are named only after `is_available`.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => unsafe { simd::x86::run_avx2(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 => unsafe { simd::x86::run_avx512(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2Gfni => unsafe { simd::x86::run_avx2_gfni(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Gfni => unsafe { simd::x86::run_avx512_gfni(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon => unsafe { simd::neon::run(task) },
        #[cfg(not(target_arch = "x86_64"))]
        Kernel::Avx2 | Kernel::Avx512 | Kernel::Avx2Gfni | Kernel::Avx512Gfni => portable::run(task),
        #[cfg(not(target_arch = "aarch64"))]
        Kernel::Neon => portable::run(task),
    }
}

/// The widest vector register, in bytes.
const REGISTER_MAX: usize = 64;
