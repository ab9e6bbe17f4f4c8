//! What happens, one sentence each: the lecture's `console.log` lines.

use crate::{Price, Stock, UserId};
use serde::Serialize;
use std::{fmt, sync::Arc};

/// Something that happened between the users and the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A user began to follow a stock.
    UserSubscribed {
        /// Who.
        user: UserId,
        /// What.
        stock: Stock,
        /// How many follow it now.
        users: usize,
    },
    /// A user does not follow a stock any more.
    UserUnsubscribed {
        /// Who.
        user: UserId,
        /// What.
        stock: Stock,
        /// How many still follow it.
        users: usize,
    },
    /// The broker confirmed that this server is subscribed to the channel.
    Subscribed {
        /// Which.
        stock: Stock,
        /// Whether it was confirmed before: then this is a new connection, not a new stock.
        again: bool,
    },
    /// The broker confirmed that this server is not subscribed any more.
    Unsubscribed {
        /// Which.
        stock: Stock,
    },
    /// The broker refuses the channel; it is asked again later.
    Refused {
        /// Which.
        stock: Stock,
        /// The broker's own words.
        reason: String,
    },
    /// Prices were relayed.
    Relayed {
        /// Of which stock.
        stock: Stock,
        /// The newest of them.
        price: Price,
        /// How many users the stock had.
        users: usize,
    },
    /// Messages came that were not prices, and were not relayed; at a bounded rate.
    InvalidMessages {
        /// How many came since the event before.
        messages: u64,
        /// What was wrong with the latest.
        latest: String,
    },
    /// The connection to the broker delivers what is published.
    Live,
    /// The connection to the broker is lost.
    Stale {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserSubscribed {
                user,
                stock,
                users: 1,
            } => write!(out, "{user} follows {stock}, the first to do so"),
            Self::UserSubscribed { user, stock, users } => {
                write!(out, "{user} follows {stock}, as {users} users now do")
            }
            Self::UserUnsubscribed {
                user,
                stock,
                users: 0,
            } => write!(out, "{user} left {stock}, the last to do so"),
            Self::UserUnsubscribed {
                user,
                stock,
                users: 1,
            } => write!(out, "{user} left {stock}, 1 user stays"),
            Self::UserUnsubscribed { user, stock, users } => {
                write!(out, "{user} left {stock}, {users} users stay")
            }
            Self::Subscribed {
                stock,
                again: false,
            } => write!(out, "first user of {stock}: subscribed to the channel"),
            Self::Subscribed { stock, again: true } => {
                write!(out, "subscribed to the channel of {stock} again")
            }
            Self::Unsubscribed { stock } => write!(out, "last user of {stock} left: unsubscribed"),
            Self::Refused { stock, reason } => write!(
                out,
                "the broker refuses {stock}; its users are sent \"stale\", and it is asked again: {reason}"
            ),
            Self::Relayed {
                stock,
                price,
                users: 1,
            } => write!(out, "price {price} of {stock} -> 1 user"),
            Self::Relayed {
                stock,
                price,
                users,
            } => write!(out, "price {price} of {stock} -> {users} users"),
            Self::InvalidMessages {
                messages: 1,
                latest,
            } => write!(out, "a message is not a price and is not relayed: {latest}"),
            Self::InvalidMessages { messages, latest } => write!(
                out,
                "{messages} messages are not prices and are not relayed, the latest {latest}"
            ),
            Self::Live => write!(out, "live: prices reach this server"),
            Self::Stale { reason } => write!(out, "stale: {reason}"),
        }
    }
}

/// Is called with each event as it happens, from wherever it happens. It must not wait, and must not
/// call the manager, whose locks may be held.
pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;
