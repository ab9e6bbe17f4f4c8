//! What can be wrong, and what to do about it.

use crate::Stock;
use thiserror::Error;

/// Nothing is relayed any more: the manager was disconnected, or its task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the manager is disconnected: start a new process to follow stocks again")]
pub struct Disconnected;

/// Why a user cannot follow a stock.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The user follows as many stocks as it may.
    #[error("{stock} would be one stock too many: a user follows {most} at most, leave one first")]
    TooManyStocks {
        /// The stock that was not accepted.
        stock: Stock,
        /// How many a user may follow.
        most: usize,
    },
    /// See [`Disconnected`].
    #[error(transparent)]
    Disconnected(#[from] Disconnected),
}
