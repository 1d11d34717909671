//! The rank of a set of coefficient vectors, without payloads.

use crate::matrix::Echelon;
use crate::shard::check_coefficients;
use crate::{Offer, Params, ShardError};

/// How many independent shards somebody has, told by their coefficients.
///
/// Decides before a payload is read, or for a peer whose payloads are elsewhere, whether a shard would help.
#[derive(Debug, Clone)]
pub struct Rank {
    params: Params,
    echelon: Echelon,
}

impl Rank {
    /// Rank zero.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self { params, echelon: Echelon::for_rank(params.k()) }
    }

    /// Adds a vector of `k` coefficients if it is independent of those before. O(k^2) byte products.
    ///
    /// # Errors
    ///
    /// [`ShardError::CoefficientCount`] or [`ShardError::ZeroCoefficients`]; nothing changes.
    pub fn offer(&mut self, coefficients: &[u8]) -> Result<Offer, ShardError> {
        check_coefficients(coefficients, self.params)?;
        Ok(if self.echelon.insert(coefficients).is_some() {
            Offer::Innovative { rank: self.rank() }
        } else {
            Offer::Redundant
        })
    }

    /// Whether [`Rank::offer`] would find the vector innovative.
    ///
    /// # Errors
    ///
    /// As [`Rank::offer`].
    pub fn is_innovative(&self, coefficients: &[u8]) -> Result<bool, ShardError> {
        check_coefficients(coefficients, self.params)?;
        Ok(self.echelon.is_innovative(coefficients))
    }

    /// Number of independent vectors so far: 0 to `k`.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.echelon.rank()
    }

    /// The rank at which the message can be decoded.
    #[must_use]
    pub fn k(&self) -> usize {
        self.params.k()
    }

    /// Whether the rank is `k`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rank() == self.k()
    }
}
