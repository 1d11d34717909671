//! A set of matrix rows.

/// Which rows of a matrix of up to 256 rows count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSet {
    words: [u64; 4],
}

impl RowSet {
    /// No row.
    pub(crate) const EMPTY: Self = Self { words: [0; 4] };

    /// The first `count` rows.
    pub(crate) fn first(count: usize) -> Self {
        let mut set = Self::EMPTY;
        (0..count).for_each(|row| set.insert(row));
        set
    }

    pub(crate) fn insert(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    pub(crate) fn contains(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// One more than the highest row in the set, 0 if it is empty.
    pub(crate) fn end(&self) -> usize {
        let highest = self.words.iter().rposition(|word| *word != 0);
        highest.map_or(0, |word| word * 64 + 64 - self.words[word].leading_zeros() as usize)
    }

    /// The rows in the set, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        bits(self.words)
    }

    /// The rows below `end` that are not in the set, in ascending order.
    pub(crate) fn missing(&self, end: usize) -> impl Iterator<Item = usize> + use<> {
        bits(self.words.map(|word| !word)).take_while(move |row| *row < end)
    }
}

#[inline(always)]
fn bits(words: [u64; 4]) -> impl Iterator<Item = usize> {
    words.into_iter().enumerate().flat_map(|(index, mut word)| {
        core::iter::from_fn(move || {
            (word != 0).then(|| {
                let bit = word.trailing_zeros() as usize;
                word &= word - 1;
                index * 64 + bit
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_set_lists_what_was_put_in_and_what_is_missing() {
        let mut set = RowSet::EMPTY;
        assert_eq!(set.end(), 0);
        for row in [3, 64, 65, 255] {
            set.insert(row);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 65, 255]);
        assert_eq!(set.end(), 256);
        assert_eq!(set.missing(67).filter(|row| *row > 62).collect::<Vec<_>>(), [63, 66]);
        assert!(set.contains(64) && !set.contains(63));
    }
}
