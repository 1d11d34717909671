//! Fetching memory before it is needed.

use super::Simd;

/// Fetches the sources' next stripes into a cache, a little with every tile of the present one.
///
/// With many outputs a stripe of sources is used long enough for the next to come meanwhile, but the processor does not
/// guess it: each begins on another page.
pub(super) struct Ahead {
    /// Where the next stripes begin, and how many lines they have.
    start: usize,
    lines: usize,
    /// The source whose turn it is, and the line of its stripe.
    source: usize,
    line: usize,
    /// Lines to fetch for each line of columns that is worked on.
    rate: usize,
}

impl Ahead {
    #[inline(always)]
    pub(super) fn new(start: usize, len: usize, stripe_len: usize, sources: &[&[u8]], blocks: usize) -> Self {
        let lines = len.saturating_sub(start).min(stripe_len) / LINE;
        let rate = if blocks < BLOCKS_TO_FETCH { 0 } else { sources.len().div_ceil(blocks) };
        Self { start, lines, source: 0, line: 0, rate }
    }

    /// To be called before `bytes` columns are worked on.
    ///
    /// # Safety
    ///
    /// As [`super::run`]; `sources` are those it was made for.
    #[inline(always)]
    pub(super) unsafe fn fetch<S: Simd>(&mut self, sources: &[&[u8]], bytes: usize) {
        if self.rate == 0 || self.lines == 0 {
            return;
        }
        for _ in 0..self.rate * (bytes / LINE) {
            let Some(source) = sources.get(self.source) else { return };
            // SAFETY: the line lies within the source.
            unsafe { S::prefetch(source.as_ptr().add(self.start + self.line * LINE)) };
            self.line += 1;
            if self.line == self.lines {
                (self.source, self.line) = (self.source + 1, 0);
            }
        }
    }
}

/// Bytes of a line of a cache.
const LINE: usize = 64;

/// From how many blocks of outputs on the next stripes are fetched ahead.
const BLOCKS_TO_FETCH: usize = 4;
