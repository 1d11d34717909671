//! The one fused product that encoding, recoding, decoding and rank updates are made of.
//!
//! A product reads each source once for a whole block of outputs. Coding one output with one source at a time
//! ("axpy") would read and write every output once per source, and memory traffic, not arithmetic, would set the
//! speed; so such an operation is deliberately not offered.

mod portable;

/// What a product does with the previous content of the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The outputs are overwritten; what they held is not read.
    Overwrite,
    /// The product is added (xor) to what the outputs hold.
    Accumulate,
}

/// Computes `dst[d] (^)= sum over s of coef[d][s] * src[s]` over GF(2^8), bytewise.
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
    assert_eq!(coef.len(), dst.len() * src.len(), "coef is not a dst.len() x src.len() matrix");
    let Some(len) = dst.first().map(|row| row.len()) else { return };
    assert!(dst.iter().all(|row| row.len() == len), "output rows differ in length");
    assert!(src.iter().all(|row| row.len() == len), "source rows are not as long as the output rows");
    if mode == Mode::Overwrite {
        dst.iter_mut().for_each(|row| row.fill(0));
    }
    // The choice of a kernel for the processor at hand belongs here: once per product, never per row.
    portable::accumulate(dst, src, coef);
}
