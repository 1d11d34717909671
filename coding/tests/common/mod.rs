//! What the tests share: messages, shards of them, seeded randomness.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::process::{Command, Output};

use braidcast_coding::kernel::{KERNEL_VARIABLE, Kernel};
use braidcast_coding::{Decoder, Encoder, Params, Pool, Shard, ShardId, Tag};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(crate) fn message(len: usize, seed: u64) -> Bytes {
    let mut bytes = vec![0; len];
    rng(seed).fill_bytes(&mut bytes);
    Bytes::from(bytes)
}

/// An encoder of a random message of `len` bytes in `k` source shards.
pub(crate) fn encoder(len: usize, k: usize) -> Encoder {
    let params = Params::for_message(len, k).unwrap();
    Encoder::new(message(len, 7), params).unwrap()
}

/// A canonical shard with its true payload.
pub(crate) fn canonical(encoder: &Encoder, index: u16, tag: u32) -> Shard {
    let payload = encoder.canonical(index, &mut Pool::default()).unwrap();
    Shard { id: ShardId::Canonical(index), payload, tag: Tag::new(tag) }
}

/// The same shard with one byte wrong.
pub(crate) fn polluted(mut shard: Shard) -> Shard {
    let mut payload = shard.payload.to_vec();
    payload[0] ^= 0x5A;
    shard.payload = Bytes::from(payload);
    shard
}

/// Everything a caller can observe of a decoder.
pub(crate) fn observe(decoder: &Decoder) -> (Vec<Shard>, Vec<Shard>, Vec<Option<Bytes>>) {
    let rows =
        (0..decoder.params().k()).map(|index| decoder.source_row(index, &mut Pool::default())).collect();
    (decoder.shards().to_vec(), decoder.spares().to_vec(), rows)
}

/// A small number below `limit`.
pub(crate) fn below(limit: usize, rng: &mut ChaCha8Rng) -> usize {
    rng.next_u32() as usize % limit
}

/// Fisher-Yates: the network reorders.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(i + 1, rng));
    }
}

/// The kernels that this processor can run.
pub(crate) fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_available())
}

/// Runs one test of this binary again, with this kernel asked for by name.
pub(crate) fn run_again(test: &str, kernel: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(KERNEL_VARIABLE, kernel).output().unwrap()
}

/// Runs one test of this binary again with every kernel.
pub(crate) fn passes_with_every_kernel(test: &str) {
    for kernel in kernels() {
        let output = run_again(test, &kernel.to_string());
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{kernel}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains("1 passed"), "{kernel}: no test is called {test}");
    }
}
