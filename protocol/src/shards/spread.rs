//! Which canonical shards are where.

use core::array;

/// A set of canonical indices, 0 to 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub(crate) struct IndexSet([u64; 4]);

impl IndexSet {
    pub(crate) fn insert(&mut self, index: u16) {
        if let Some(word) = self.0.get_mut(usize::from(index / 64)) {
            *word |= 1 << (index % 64);
        }
    }

    /// Adds a report's bitmap of the first 64.
    pub(crate) fn insert_low(&mut self, bitmap: u64) {
        self.0[0] |= bitmap;
    }

    pub(crate) fn remove(&mut self, index: u16) {
        if let Some(word) = self.0.get_mut(usize::from(index / 64)) {
            *word &= !(1 << (index % 64));
        }
    }

    pub(crate) fn contains(&self, index: u16) -> bool {
        self.0.get(usize::from(index / 64)).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Those that are not in the other.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self(array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..256).filter(|index| self.contains(*index))
    }

    pub(crate) fn len(&self) -> u16 {
        self.0.iter().map(|word| word.count_ones() as u16).sum()
    }

    /// The first 64, as they are reported.
    pub(crate) fn low(&self) -> u64 {
        self.0[0]
    }
}

impl FromIterator<u16> for IndexSet {
    fn from_iter<T: IntoIterator<Item = u16>>(indices: T) -> Self {
        let mut set = Self::default();
        indices.into_iter().for_each(|index| set.insert(index));
        set
    }
}

/// How many neighbours have each canonical shard: set *i* has those that more than *i* of them have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread([IndexSet; HOLDERS_MAX]);

impl Spread {
    /// Of these shards, one that fewest have; none that `holders` have, at most [`HOLDERS_MAX`]. `lot` decides between
    /// equals, so that neighbours do not all send the same.
    pub(crate) fn rarest(&self, of: &IndexSet, holders: usize, lot: u64) -> Option<u16> {
        let levels = self.0.iter().take(holders);
        let least = levels.map(|held| of.without(held)).find(|rare| rare.len() > 0)?;
        least.iter().min_by_key(|index| scattered(lot ^ u64::from(*index)))
    }
}

impl<'a> FromIterator<&'a IndexSet> for Spread {
    fn from_iter<T: IntoIterator<Item = &'a IndexSet>>(held: T) -> Self {
        let mut spread = Self::default();
        for set in held {
            for level in (0..HOLDERS_MAX).rev() {
                let fewer = if level == 0 { IndexSet([u64::MAX; 4]) } else { spread.0[level - 1] };
                let word = |word: usize| spread.0[level].0[word] | (fewer.0[word] & set.0[word]);
                spread.0[level] = IndexSet(array::from_fn(word));
            }
        }
        spread
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
pub(super) const fn scattered(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// More holders of a shard are not counted.
pub(crate) const HOLDERS_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn set(indices: &[u16]) -> IndexSet {
        indices.iter().copied().collect()
    }

    #[test]
    fn the_rarest_is_taken_and_none_that_is_everywhere() {
        let mut held = vec![set(&[1]); HOLDERS_MAX - 2];
        held.extend([set(&[1, 2]), set(&[1, 2, 200])]);
        let spread: Spread = held.iter().collect();
        assert_eq!(spread.rarest(&set(&[1, 2, 200]), HOLDERS_MAX, 7), Some(200));
        assert_eq!(spread.rarest(&set(&[1, 2]), HOLDERS_MAX, 7), Some(2));
        assert_eq!(spread.rarest(&set(&[1, 2]), 2, 7), None, "two have the rarer");
        assert_eq!(spread.rarest(&set(&[1]), HOLDERS_MAX, 7), None, "all have it");
        assert_eq!(spread.rarest(&set(&[]), HOLDERS_MAX, 7), None);
    }

    #[test]
    fn equals_are_chosen_by_lot() {
        let all: IndexSet = (0..64).collect();
        let chosen: Vec<_> =
            (0..64).filter_map(|lot| Spread::default().rarest(&all, HOLDERS_MAX, lot << 32)).collect();
        let different: IndexSet = chosen.iter().copied().collect();
        assert_eq!(chosen.len(), 64);
        assert!(different.len() > 30, "{} of 64", different.len());
    }
}
