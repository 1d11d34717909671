//! A set of matrix rows.

/// Which rows of a matrix of up to 256 rows count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSet {
    words: [u64; 4],
}

impl RowSet {
    /// No row.
    pub(crate) const EMPTY: Self = Self { words: [0; 4] };

    pub(crate) fn insert(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    pub(crate) fn contains(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words == [0; 4]
    }

    /// The rows of this set that are not in the other.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self { words: core::array::from_fn(|index| self.words[index] & !other.words[index]) }
    }

    /// One more than the highest row in the set, 0 if it is empty.
    pub(crate) fn end(&self) -> usize {
        let highest = self.words.iter().rposition(|word| *word != 0);
        highest.map_or(0, |word| word * 64 + 64 - self.words[word].leading_zeros() as usize)
    }

    /// The rows in the set, in ascending order.
    #[inline(always)]
    pub(crate) fn iter(&self) -> RowIter {
        RowIter { left: self.words, index: 0 }
    }

    /// The first row that is not in the set and has a byte other than zero in `bytes`.
    #[inline(always)]
    pub(crate) fn first_missing(&self, bytes: &[u8]) -> Option<usize> {
        for (index, bytes) in bytes.chunks(64).enumerate() {
            let mut missing = !self.words[index];
            while missing != 0 {
                let bit = missing.trailing_zeros() as usize;
                match bytes.get(bit) {
                    Some(0) => missing &= missing - 1,
                    Some(_) => return Some(index * 64 + bit),
                    None => break,
                }
            }
        }
        None
    }
}

/// The rows in a [`RowSet`], in ascending order. No closure is called: one that is not inlined into a kernel has no vector
/// instructions, and calls a function for each of them.
pub(crate) struct RowIter {
    left: [u64; 4],
    index: usize,
}

impl Iterator for RowIter {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while let Some(word) = self.left.get_mut(self.index) {
            if *word != 0 {
                let row = self.index * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                return Some(row);
            }
            self.index += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_set_lists_what_was_put_in_and_what_is_missing() {
        let mut set = RowSet::EMPTY;
        assert!(set.end() == 0 && set.is_empty());
        for row in [3, 64, 65, 255] {
            set.insert(row);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 65, 255]);
        assert_eq!((set.end(), set.len()), (256, 4));
        assert_eq!(set.without(&set), RowSet::EMPTY);
        let mut bytes = [0; 255];
        assert_eq!(set.first_missing(&bytes), None);
        bytes[3] = 1;
        bytes[64] = 1;
        assert_eq!(set.first_missing(&bytes), None);
        bytes[254] = 1;
        assert_eq!(set.first_missing(&bytes), Some(254));
        bytes[63] = 1;
        assert_eq!(set.first_missing(&bytes), Some(63));
        assert!(set.contains(64) && !set.contains(63));
    }
}
