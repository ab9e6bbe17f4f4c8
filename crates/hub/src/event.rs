//! What happens, as one sentence for each event: the lecture's `console.log` lines.

use crate::{Price, Stock, UserId};
use serde::Serialize;
use std::{fmt, sync::Arc};

/// Something that happened between the users and the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "a stock, a price and a user's number need no sentence"
)]
pub enum HubEvent {
    /// A user subscribed to a stock.
    UserSubscribed {
        user: UserId,
        stock: Stock,
        /// The stock's users on this server, this one included: from 1 on.
        users: usize,
    },
    /// A user is not subscribed to a stock any more.
    UserUnsubscribed {
        user: UserId,
        stock: Stock,
        /// The stock's users that remain on this server: from 0 on.
        users: usize,
    },
    /// The broker confirmed that this server is subscribed to the channel.
    Subscribed {
        stock: Stock,
        /// Whether it was confirmed before: then this is a new connection, not a new stock.
        again: bool,
    },
    /// The broker confirmed that this server is not subscribed any more.
    Unsubscribed { stock: Stock },
    /// The broker refuses the channel; it is asked again later.
    Refused {
        stock: Stock,
        /// The broker's own words, for instance `NOPERM No permissions to access a channel`.
        reason: String,
    },
    /// A batch of a stock's prices is sent to its users; to those with a pace in their next turn.
    Relayed {
        stock: Stock,
        /// The newest price of the batch.
        price: Price,
        /// The stock's users on this server when the batch was made.
        users: usize,
    },
    /// The last price of a stock, as the broker has stored it, is sent to the stock's first users.
    LastPrice {
        stock: Stock,
        price: Price,
        /// The stock's users on this server when it was sent; those who come later get it on subscribing.
        users: usize,
    },
    /// Messages that were not prices came, and were not relayed. Emitted once in ten seconds at most.
    InvalidMessages {
        /// How many came since the last such event: from 1 on.
        messages: u64,
        /// The stock and the start of the latest message.
        latest: String,
    },
    /// The connection to the broker delivers what is published.
    Live,
    /// One of the broker's nodes was lost; the stocks that it served are stale until another serves them.
    NodeLost {
        /// Its host and port.
        node: String,
        /// A sentence for a log, for instance `the master closed the connection`.
        reason: String,
        /// How many channels were subscribed there.
        channels: usize,
    },
    /// The connection to the broker is lost, or does not deliver.
    Stale {
        /// A sentence for a log, for instance `Redis closed the connection`.
        reason: String,
    },
}

impl fmt::Display for HubEvent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserSubscribed {
                user,
                stock,
                users: 1,
            } => write!(out, "{user} subscribed to {stock}, its first user"),
            Self::UserSubscribed { user, stock, users } => {
                write!(
                    out,
                    "{user} subscribed to {stock}, which has {users} users now"
                )
            }
            Self::UserUnsubscribed {
                user,
                stock,
                users: 0,
            } => write!(out, "{user} unsubscribed from {stock}, its last user"),
            Self::UserUnsubscribed {
                user,
                stock,
                users: 1,
            } => write!(out, "{user} unsubscribed from {stock}, 1 user remains"),
            Self::UserUnsubscribed { user, stock, users } => {
                write!(
                    out,
                    "{user} unsubscribed from {stock}, {users} users remain"
                )
            }
            Self::Subscribed {
                stock,
                again: false,
            } => write!(out, "first user of {stock}: subscribed to the channel"),
            Self::Subscribed { stock, again: true } => {
                write!(out, "subscribed to the channel of {stock} again")
            }
            Self::Unsubscribed { stock } => write!(
                out,
                "no user of {stock} remains: unsubscribed from the channel"
            ),
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
            Self::LastPrice {
                stock,
                price,
                users: 1,
            } => write!(out, "last price {price} of {stock} -> 1 user"),
            Self::LastPrice {
                stock,
                price,
                users,
            } => write!(out, "last price {price} of {stock} -> {users} users"),
            Self::InvalidMessages {
                messages: 1,
                latest,
            } => write!(out, "a message is not a price and is not relayed: {latest}"),
            Self::InvalidMessages { messages, latest } => write!(
                out,
                "{messages} messages are not prices and are not relayed, the latest {latest}"
            ),
            Self::NodeLost {
                node,
                reason,
                channels,
            } => write!(out, "lost {node} and its {channels} channels: {reason}"),
            Self::Live => write!(out, "live: prices reach this server"),
            Self::Stale { reason } => write!(out, "stale: {reason}"),
        }
    }
}

/// Is called with each event, in the task in which it happens: a user's, the broker's or the manager's.
/// It must not wait, and must not call the hub, which may hold a user's lock during the call.
pub type OnEvent = Arc<dyn Fn(&HubEvent) + Send + Sync>;
