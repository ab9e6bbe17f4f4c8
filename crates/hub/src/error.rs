//! What can be wrong, and what to do about it.

use crate::Stock;
use thiserror::Error;

/// Nothing is relayed any more: the manager was disconnected, or its task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the manager is disconnected: start a new process to subscribe again")]
pub struct Disconnected;

/// Why a user cannot subscribe to a stock.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The user is subscribed to as many stocks as [`HubOptions`](crate::HubOptions) allows.
    #[error(
        "{stock} would be one stock too many: a user has {most} at most, unsubscribe from one first"
    )]
    TooManyStocks {
        /// The stock to which the user is not subscribed now.
        stock: Stock,
        /// The limit, 100 by default.
        most: usize,
    },
    /// See [`Disconnected`].
    #[error(transparent)]
    Disconnected(#[from] Disconnected),
}
