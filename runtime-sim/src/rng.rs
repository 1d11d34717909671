//! Random draws of the world around the nodes: one ChaCha8 stream per concern, all from one seed.

use std::time::Duration;

use braidcast_protocol::{PeerId, Seed};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What a stream is for. The number is part of what a seed means: changing it changes every run.
#[derive(Clone, Copy)]
pub(crate) enum Concern {
    Topology,
    StartTimes,
    Loss,
    Regions,
    Jitter,
    Nat,
    Choice(u32),
    Adversary(u32),
    Churn { node: u32, life: u32 },
    Identity(u32),
    Pair(u32, u32),
    Life { node: u32, life: u32 },
}

impl Concern {
    fn stream(self) -> u64 {
        let of = |kind: u64, low: u32| (kind << 32) | u64::from(low);
        match self {
            Self::Topology => of(1, 0),
            Self::StartTimes => of(2, 0),
            Self::Loss => of(3, 0),
            Self::Identity(node) => of(4, node),
            Self::Regions => of(5, 0),
            Self::Jitter => of(6, 0),
            Self::Nat => of(7, 0),
            Self::Choice(purpose) => of(8, purpose),
            Self::Adversary(node) => of(9, node),
            Self::Churn { node, life } => (1 << 62) | of(life.into(), node),
            // Both ends of a pair draw the same.
            Self::Pair(a, b) => (1 << 63) | (u64::from(a.min(b)) << 32) | u64::from(a.max(b)),
            Self::Life { node, life } => of(16 + u64::from(life), node),
        }
    }
}

/// Draws for one concern.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    pub(crate) fn new(seed: &Seed, concern: Concern) -> Self {
        let mut rng = ChaCha8Rng::from_seed(seed.0);
        rng.set_stream(concern.stream());
        Self(rng)
    }

    /// A number below `bound` (at least 1); the bias is below 2^-32 for the bounds used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound.max(1))) >> 64) as u64
    }

    /// A duration from `min` to `max`, both included.
    pub(crate) fn between(&mut self, min: Duration, max: Duration) -> Duration {
        let spread = nanos(max).saturating_sub(nanos(min));
        min + Duration::from_nanos(self.below(spread.saturating_add(1)))
    }

    /// Puts a list into random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    pub(crate) fn seed(&mut self) -> Seed {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        Seed(bytes)
    }

    /// A peer id of the form that libp2p gives Ed25519 keys: an inlined protobuf of 32 key bytes.
    pub(crate) fn peer_id(&mut self) -> PeerId {
        let mut bytes = [0; 38];
        bytes[..6].copy_from_slice(&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
        self.0.fill_bytes(&mut bytes[6..]);
        PeerId::from_bytes(&bytes).expect("38 bytes are within the limit of 42")
    }
}

/// `count` of `nodes` nodes, chosen by the seed, ascending; none of `except`, and fewer when there are not enough.
///
/// `purpose` tells choices for different ends apart: publishers, adversaries, nodes that fail.
pub fn choose_nodes(seed: &Seed, purpose: u32, nodes: usize, count: usize, except: &[usize]) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..nodes).filter(|node| !except.contains(node)).collect();
    Draws::new(seed, Concern::Choice(purpose)).shuffle(&mut chosen);
    chosen.truncate(count);
    chosen.sort_unstable();
    chosen
}

/// Nanoseconds, saturating after 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concerns_draw_apart_and_pairs_alike_from_both_ends() {
        let seed = Seed::from_number(1);
        let first = |concern| Draws::new(&seed, concern).below(u64::MAX);
        assert_eq!(first(Concern::Pair(3, 9)), first(Concern::Pair(9, 3)));
        let all = [
            first(Concern::Topology),
            first(Concern::StartTimes),
            first(Concern::Loss),
            first(Concern::Identity(0)),
            first(Concern::Pair(0, 1)),
            first(Concern::Life { node: 0, life: 0 }),
            first(Concern::Life { node: 0, life: 1 }),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| one != other), "concern {i}");
        }
    }

    #[test]
    fn nodes_are_chosen_by_seed_and_purpose() {
        let choose =
            |seed, purpose, count| choose_nodes(&Seed::from_number(seed), purpose, 100, count, &[0, 1]);
        assert_eq!(choose(1, 0, 10), choose(1, 0, 10));
        assert!(choose(1, 0, 10) != choose(1, 1, 10) && choose(1, 0, 10) != choose(2, 0, 10));
        assert_eq!(choose(1, 0, 200), (2..100).collect::<Vec<usize>>());
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut draws = Draws::new(&Seed::from_number(2), Concern::Topology);
        assert!((0..1000).all(|_| draws.below(7) < 7));
        let (min, max) = (Duration::from_millis(10), Duration::from_millis(12));
        assert!((0..1000).map(|_| draws.between(min, max)).all(|drawn| drawn >= min && drawn <= max));
        assert_eq!(draws.between(min, min), min);
    }
}
