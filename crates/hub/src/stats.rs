//! Counters that can be read at any time.

use crate::{Feed, Stock};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted since the hub was made.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) subscriptions: AtomicU64,
    pub(crate) channels_confirmed: AtomicU64,
    pub(crate) messages_in: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) missed: AtomicU64,
    pub(crate) invalid_messages: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) refusals: AtomicU64,
    pub(crate) evicted: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}

/// The state of the hub, at one moment.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Whether prices flow.
    pub feed: Feed,
    /// Users that are connected now.
    pub users: u64,
    /// Users that do not keep up now, and are sent the newest price of each stock only.
    pub users_lagging: u64,
    /// Stocks followed by users, summed over all users.
    pub subscriptions: u64,
    /// Channels that this server's users want.
    pub channels_wanted: u64,
    /// Channels that the broker has confirmed.
    pub channels_confirmed: u64,
    /// Prices that came from the broker.
    pub messages_in: u64,
    /// Prices that were sent to users.
    pub deliveries: u64,
    /// Prices that users were told they missed.
    pub missed: u64,
    /// Messages from the broker that were not prices, and were not relayed.
    pub invalid_messages: u64,
    /// Connections to the broker that were lost, and made again.
    pub reconnects: u64,
    /// Channels that the broker refused, counted at each attempt.
    pub refusals: u64,
    /// Users that were evicted: slow consumers, and those whose socket failed.
    pub evicted: u64,
    /// The stocks that are followed, and how many users follow each, by name.
    pub stocks: Vec<StockUsers>,
}

/// How many users follow a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StockUsers {
    /// The stock.
    pub stock: Stock,
    /// Its users on this server.
    pub users: usize,
}

impl Counters {
    pub(crate) fn read(&self, feed: Feed, users: u64, users_lagging: u64, wanted: u64) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Stats {
            feed,
            users,
            users_lagging,
            subscriptions: read(&self.subscriptions),
            channels_wanted: wanted,
            channels_confirmed: read(&self.channels_confirmed),
            messages_in: read(&self.messages_in),
            deliveries: read(&self.deliveries),
            missed: read(&self.missed),
            invalid_messages: read(&self.invalid_messages),
            reconnects: read(&self.reconnects),
            refusals: read(&self.refusals),
            evicted: read(&self.evicted),
            stocks: Vec::new(),
        }
    }
}

impl Stats {
    /// Whether prices flow.
    pub fn is_live(&self) -> bool {
        self.feed == Feed::Live
    }
}
