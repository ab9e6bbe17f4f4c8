//! What can be wrong, and what to do about it.

use crate::Stock;
use thiserror::Error;

/// Why the manager could not be started. Starting it again later may work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The manager keeps a task, and a task needs a runtime.
    #[error(
        "no tokio runtime runs here: start the manager inside #[tokio::main] or a runtime's block_on"
    )]
    NoRuntime,
    /// The instance exists already, with options of its own; these would be ignored.
    #[error("the manager was started before: use PubSubManager::instance()")]
    AlreadyStarted,
}

/// The manager was asked for before it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the manager has not been started: call PubSubManager::start first, once, in main")]
pub struct NotStarted;

/// The manager works no more: it was disconnected, or its runtime has ended.
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

/// Why a price could not be published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The broker cannot be reached, or did not answer in time.
    #[error("the price was not published, the broker cannot be reached: {reason}")]
    Unreachable {
        /// What the broker's driver says.
        reason: String,
    },
    /// The broker answered, and said no.
    #[error("the broker refuses the price: {reason}")]
    Refused {
        /// The broker's own words.
        reason: String,
    },
}
