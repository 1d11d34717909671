//! The shape of a coded message.

use thiserror::Error;

/// Most source shards a message can be cut into.
///
/// With 256 elements in the field there are 256 canonical shards, and at least one of them must be a spare.
pub const K_MAX: usize = 255;

/// Shard lengths are multiples of this many bytes: a cache line, and the widest vector register.
pub const SHARD_ALIGN: usize = 64;

/// Longest message in bytes (1 GiB): it keeps every length in this crate within 31 bits.
pub const MESSAGE_LEN_MAX: usize = 1 << 30;

/// The shape of a coded message: `k` source shards of `shard_len` bytes hold a message of `message_len` bytes.
///
/// The message is laid out in order over the rows of a `k` x `shard_len` matrix, followed by zeros; no marker
/// of its end is needed because the length is part of the shape. If the message is short for its `k`, the last
/// rows hold no message byte at all.
///
/// `shard_len` follows from the other two, so a shape has one form only and no sender can demand more memory
/// than its message takes: `shard_len` is `message_len / k` rounded up to a multiple of [`SHARD_ALIGN`], and at
/// least [`SHARD_ALIGN`], so that even an empty message has shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Params {
    k: u16,
    shard_len: u32,
    message_len: u32,
}

/// Why a shape is impossible.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParamsError {
    /// A message is cut into at least one and at most [`K_MAX`] shards.
    #[error("{k} source shards, must be 1 to {k_max}")]
    ShardCount {
        /// The number asked for.
        k: usize,
        /// The limit, [`K_MAX`].
        k_max: usize,
    },
    /// The message is longer than [`MESSAGE_LEN_MAX`].
    #[error("message is {bytes} bytes, limit is {bytes_max}")]
    MessageTooLong {
        /// The length asked for.
        bytes: usize,
        /// The limit, [`MESSAGE_LEN_MAX`].
        bytes_max: usize,
    },
    /// The shard length is not the one that follows from the message length and `k`.
    #[error("shard length is {shard_len} bytes, must be {expected}")]
    ShardLength {
        /// The length given.
        shard_len: u32,
        /// The length that follows from the message length and `k`.
        expected: u32,
    },
}

impl Params {
    /// The shape for a message of `message_len` bytes in `k` source shards.
    ///
    /// # Errors
    ///
    /// [`ParamsError::ShardCount`] or [`ParamsError::MessageTooLong`].
    pub const fn for_message(message_len: usize, k: usize) -> Result<Self, ParamsError> {
        if k == 0 || k > K_MAX {
            return Err(ParamsError::ShardCount { k, k_max: K_MAX });
        }
        if message_len > MESSAGE_LEN_MAX {
            return Err(ParamsError::MessageTooLong { bytes: message_len, bytes_max: MESSAGE_LEN_MAX });
        }
        let units = message_len.div_ceil(k * SHARD_ALIGN);
        let shard_len = if units == 0 { SHARD_ALIGN } else { units * SHARD_ALIGN };
        // The casts keep every bit: the limits above are below the maxima of the types.
        Ok(Self { k: k as u16, shard_len: shard_len as u32, message_len: message_len as u32 })
    }

    /// The shape with exactly these numbers, as they came from a peer.
    ///
    /// # Errors
    ///
    /// As [`Params::for_message`], and [`ParamsError::ShardLength`] unless `shard_len` is the length that
    /// function would choose.
    pub const fn new(k: u16, shard_len: u32, message_len: u32) -> Result<Self, ParamsError> {
        match Self::for_message(message_len as usize, k as usize) {
            Ok(params) if params.shard_len == shard_len => Ok(params),
            Ok(params) => Err(ParamsError::ShardLength { shard_len, expected: params.shard_len }),
            Err(error) => Err(error),
        }
    }

    /// Number of source shards, and of coefficients of a shard: 1 to [`K_MAX`].
    #[must_use]
    pub const fn k(&self) -> usize {
        self.k as usize
    }

    /// Length of every shard's payload in bytes: a positive multiple of [`SHARD_ALIGN`].
    #[must_use]
    pub const fn shard_len(&self) -> usize {
        self.shard_len as usize
    }

    /// Length of the message in bytes.
    #[must_use]
    pub const fn message_len(&self) -> usize {
        self.message_len as usize
    }

    /// Length of all source shards together in bytes: the message and the zeros after it.
    #[must_use]
    pub const fn padded_len(&self) -> usize {
        self.k() * self.shard_len()
    }

    /// Number of source shards that hold at least one byte of the message: at most `k`, 0 for an empty message.
    #[must_use]
    pub const fn rows_used(&self) -> usize {
        self.message_len().div_ceil(self.shard_len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_length_is_the_share_of_the_message_rounded_up_to_a_cache_line() {
        for (message_len, k, shard_len) in
            [(0, 1, 64), (0, 255, 64), (1, 1, 64), (64, 1, 64), (65, 1, 128), (128, 2, 64), (129, 2, 128)]
        {
            let params = Params::for_message(message_len, k).unwrap();
            assert_eq!(params.shard_len(), shard_len, "{message_len} bytes in {k}");
        }
    }

    #[test]
    fn wire_values_are_accepted_only_in_the_form_that_for_message_gives() {
        let params = Params::for_message(1000, 4).unwrap();
        assert_eq!(Params::new(4, 256, 1000), Ok(params));
        for shard_len in [0, 64, 255, 320, u32::MAX] {
            let error = ParamsError::ShardLength { shard_len, expected: 256 };
            assert_eq!(Params::new(4, shard_len, 1000), Err(error));
        }
    }

    #[test]
    fn impossible_numbers_are_refused_with_their_limit() {
        assert_eq!(Params::for_message(1, 0), Err(ParamsError::ShardCount { k: 0, k_max: 255 }));
        assert_eq!(Params::for_message(1, 256), Err(ParamsError::ShardCount { k: 256, k_max: 255 }));
        let bytes = MESSAGE_LEN_MAX + 1;
        let error = ParamsError::MessageTooLong { bytes, bytes_max: MESSAGE_LEN_MAX };
        assert_eq!(Params::for_message(bytes, 1), Err(error));
        assert!(Params::for_message(MESSAGE_LEN_MAX, 1).is_ok());
    }

    #[test]
    fn short_messages_leave_whole_rows_unused() {
        let params = Params::for_message(65, 4).unwrap();
        assert_eq!((params.rows_used(), params.padded_len()), (2, 256));
        assert_eq!(Params::for_message(0, 4).unwrap().rows_used(), 0);
    }
}
