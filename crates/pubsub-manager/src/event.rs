//! What the manager does, one sentence each: the lecture's `console.log` lines.

use crate::{Price, Stock, UserId};
use serde::Serialize;
use std::{collections::VecDeque, fmt, sync::Arc, time::SystemTime};

/// Something that happened in the manager.
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
    /// A user follows a stock no more.
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
        /// How many users were there to be told.
        users: usize,
    },
    /// Messages came that were no price, and were relayed to nobody. Told at a bounded rate.
    Garbage {
        /// How many came since this was told before.
        messages: u64,
        /// What was wrong with the latest.
        latest: String,
    },
    /// The link to the broker works, and every wanted channel has been answered.
    Live,
    /// The link to the broker is lost.
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
            Self::Subscribed { stock } => {
                write!(out, "first user of {stock}: subscribed to the channel")
            }
            Self::Unsubscribed { stock } => write!(out, "last user of {stock} left: unsubscribed"),
            Self::Refused { stock, reason } => write!(
                out,
                "the broker refuses {stock}, its users are told, and it is asked again: {reason}"
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
            Self::Garbage {
                messages: 1,
                latest,
            } => {
                write!(out, "garbage, relayed to nobody: {latest}")
            }
            Self::Garbage { messages, latest } => {
                write!(
                    out,
                    "{messages} messages of garbage, relayed to nobody: {latest}"
                )
            }
            Self::Live => write!(out, "live: the broker has confirmed what the users want"),
            Self::Stale { reason } => write!(out, "stale: {reason}"),
        }
    }
}

/// Is called with each event as it happens, from wherever it happens. It must not wait, and must not
/// call the manager, whose locks may be held.
pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// The latest events, as many as one looks at: a hundred thousand joins push each other out.
#[derive(Default)]
pub(crate) struct Recent(VecDeque<Logged>);

/// How many events are kept.
const KEPT: usize = 64;

impl Recent {
    pub(crate) fn push(&mut self, event: Event) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        self.0.push_back(Logged { at_ms, event });
    }

    pub(crate) fn to_vec(&self) -> Vec<Logged> {
        self.0.iter().cloned().collect()
    }
}
