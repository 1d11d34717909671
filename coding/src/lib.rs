//! Random linear network coding over GF(2^8): encoder, recoder, decoder.
//!
//! A message is cut into `k` source shards. What travels are linear combinations of them, each with the `k`
//! coefficients it was made with. Any `k` independent shards give the message back, and a relay can make new
//! combinations of the shards it has before it can decode: whatever it sends is likely to be new to whoever gets it.
//!
//! Source: Ho et al., "A Random Linear Network Coding Approach to Multicast", IEEE Transactions on Information
//! Theory 52(10), 2006.
//!
//! ```
//! use braidcast_coding::{Decoder, Encoder, Offer, Params, Pool, Shard, ShardId, Tag};
//! use bytes::Bytes;
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//!
//! let mut rng = ChaCha8Rng::from_seed([7; 32]);
//! let mut pool = Pool::default();
//! let message = Bytes::from(vec![42; 1000]);
//! let params = Params::for_message(message.len(), 4)?;
//! let (source, relay_link) = (Encoder::new(message.clone(), params)?, Tag::new(3));
//!
//! // The relay gets one source shard and two random ones: not enough to decode, enough to help.
//! let mut relay = Decoder::new(params);
//! let id = ShardId::Canonical(0);
//! relay.offer(Shard { id, payload: source.systematic(0), tag: Tag::new(1) }, &mut pool)?;
//! for coded in source.coded(2, &mut rng, &mut pool) {
//!     relay.offer(coded.into_shard(Tag::new(1)), &mut pool)?;
//! }
//!
//! // The sink gets three recoded shards from the relay, and what is missing from the source.
//! let mut sink = Decoder::new(params);
//! let recoder = relay.recoder(|_| true).expect("the relay has shards");
//! for coded in recoder.recode(3, &mut rng, &mut pool) {
//!     sink.offer(coded.into_shard(relay_link), &mut pool)?;
//! }
//! while !sink.is_complete() {
//!     for coded in source.coded(1, &mut rng, &mut pool) {
//!         if let Offer::Innovative { rank } = sink.offer(coded.into_shard(Tag::new(2)), &mut pool)? {
//!             assert!(rank <= params.k());
//!         }
//!     }
//! }
//! assert_eq!(sink.finish(&mut pool)?, message);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! * [`Params`]: the shape of a message. It cannot be invalid.
//! * [`Encoder`]: shards from a whole message: systematic, canonical or random.
//! * [`Decoder`]: collects [`Shard`]s and gives the message; remembers who sent what.
//! * [`Recoder`]: new combinations of what a decoder holds, chosen by the caller.
//! * [`Rank`]: the innovation test alone, without payloads.
//! * [`Pool`]: memory for payloads and messages, used again.
//! * [`kernel::product`]: the one operation on payloads, in the processor's vector instructions; [`gf256`]: the
//!   field.
//!
//! # Features
//!
//! * `std` (default): asks the processor for its vector instructions. Without it, only those are used that the
//!   compiler was told to assume (`-C target-cpu`).
//! * `limits`: what benchmarks need: what a processor can do at most, and an allocator that counts.
//!
//! # What it does not do
//!
//! It cannot tell a polluted shard from a good one: no digest is computed here. A caller checks canonical shards
//! against digests from the source, and the message as a whole. [`Decoder::contradicts_itself`],
//! [`Decoder::find_polluter`], [`Decoder::remove_where`] and [`Encoder::matches`] serve to find and remove what was
//! wrong.
//!
//! It has no entropy and no clock: random coefficients come from the generator that is passed in, so that equal
//! seeds give equal shards. That generator should be cryptographic and seeded in secret.
//!
//! Nothing here depends on the values of messages or coefficients being secret: running times vary with both.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(all(feature = "limits", feature = "std"))]
pub mod counting;
pub mod gf256;
pub mod kernel;

mod coefficients;
mod combine;
mod decoder;
mod encoder;
mod matrix;
mod params;
mod pool;
mod rank;
mod recoder;
mod shard;

pub use coefficients::Coefficients;
pub use combine::{BATCH_INLINE, Batch, Shards};
pub use decoder::{Decoder, FinishError, Offer, SPARES_MAX, Strategy};
pub use encoder::{Encoder, MessageLengthError};
pub use params::{K_MAX, MESSAGE_LEN_MAX, Params, ParamsError, SHARD_ALIGN};
pub use pool::{POOL_BYTES, Pool};
pub use rank::Rank;
pub use recoder::Recoder;
pub use shard::{CANONICAL_INDEX_MAX, CodedShard, Shard, ShardError, ShardId, Tag};
