//! Random choices, all of them here.

use alloc::vec::Vec;

use rand_core::Rng;

/// A uniform number below `bound` (Lemire 2019, "Fast Random Integer Generation in an Interval", without the
/// rejection step: the bias is below 2^-40 for the small bounds used here).
fn below(rng: &mut impl Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// `count` of the items, or all, in random order.
pub(crate) fn sample<T>(rng: &mut impl Rng, mut items: Vec<T>, count: usize) -> Vec<T> {
    let count = count.min(items.len());
    for slot in 0..count {
        let other = slot + below(rng, items.len() - slot);
        items.swap(slot, other);
    }
    items.truncate(count);
    items
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_sample_holds_distinct_items_and_every_item_has_its_chance() {
        let mut rng = ChaCha8Rng::from_seed([1; 32]);
        let mut chosen = [0; 10];
        for _ in 0..1000 {
            let mut sample = sample(&mut rng, (0..10).collect(), 3);
            sample.sort_unstable();
            sample.dedup();
            assert_eq!(sample.len(), 3);
            sample.iter().for_each(|item: &usize| chosen[*item] += 1);
        }
        assert!(chosen.iter().all(|count| (200..400).contains(count)), "{chosen:?}");
        assert_eq!(sample(&mut rng, (0..4).collect(), 9).len(), 4);
    }
}
