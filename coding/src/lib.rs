//! Random linear network coding over GF(2^8): encoder, recoder, decoder.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod gf256;
pub mod kernel;

mod coefficients;
mod combine;
mod decoder;
mod encoder;
mod matrix;
mod params;
mod rank;
mod recoder;
mod shard;

pub use coefficients::Coefficients;
pub use decoder::{Decoder, FinishError, Offer, SPARES_MAX};
pub use encoder::{Encoder, MessageLengthError};
pub use params::{K_MAX, MESSAGE_LEN_MAX, Params, ParamsError, SHARD_ALIGN};
pub use rank::Rank;
pub use recoder::Recoder;
pub use shard::{CANONICAL_INDEX_MAX, CodedShard, Shard, ShardError, ShardId, Tag};
