//! The only entropy that ever enters the core.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// 32 bytes from which every random choice of a node follows.
///
/// Each concern draws from a stream of its own, so a new draw in one does not shift another's.
#[derive(Clone)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// A seed for tests and simulations, spread from one number.
    pub fn from_number(number: u64) -> Self {
        let mut hash = blake3::Hasher::new_derive_key("braidcast seed from number v1");
        hash.update(&number.to_le_bytes());
        Self(*hash.finalize().as_bytes())
    }

    /// The stream of one concern.
    fn stream(&self, number: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.0);
        rng.set_stream(number);
        rng
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// One ChaCha8 stream per concern.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) mesh: ChaCha8Rng,
    pub(crate) gossip: ChaCha8Rng,
    pub(crate) coding: ChaCha8Rng,
    /// Keys of the hash maps: peers choose the map's keys, so they must not know the hash.
    pub(crate) hashing: ChaCha8Rng,
    pub(crate) seqno: ChaCha8Rng,
    /// Who is served first.
    pub(crate) order: ChaCha8Rng,
}

impl Streams {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            mesh: seed.stream(1),
            gossip: seed.stream(2),
            coding: seed.stream(3),
            hashing: seed.stream(4),
            seqno: seed.stream(5),
            order: seed.stream(6),
        }
    }
}
