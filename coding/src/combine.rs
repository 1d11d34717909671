//! Several new payloads in one pass over the sources.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::kernel::{self, Mode};

/// `count` rows of `len` bytes, row d being the sum of `weights[d][s] * sources[s]`. One allocation per row.
///
/// The rows do not share a buffer, because they go to different peers and are freed at different times.
pub(crate) fn combine(sources: &[&[u8]], weights: &[u8], count: usize, len: usize) -> Vec<Bytes> {
    let mut rows = vec![vec![0; len]; count];
    let mut outputs: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
    kernel::product(&mut outputs, sources, weights, Mode::Overwrite);
    rows.into_iter().map(Bytes::from).collect()
}
