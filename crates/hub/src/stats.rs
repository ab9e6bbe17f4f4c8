//! Counters that can be read at any time.

use crate::{Feed, PriceAges, Stock, price_ages::AgeCounters};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted since the hub was made. [`Stats`] says what each figure means; here is who writes it.
/// [`Hub::counts`](crate::Hub::counts) reads them, in any thread.
///
/// All are `Relaxed`: each is exact by itself, and no other memory is read because of one.
#[derive(Default)]
pub(crate) struct Counters {
    /// Up and down by the users' verbs and by dropped connections, under the user's lock.
    pub(crate) subscriptions: AtomicU64,
    /// Up and down by the manager's task, and back to 0 when a connection to the broker is lost.
    pub(crate) channels_confirmed: AtomicU64,
    /// By the task of the broker's connection.
    pub(crate) messages_in: AtomicU64,
    /// By the fan-out, once a slice, by the task of each user that lags, and once a write to a user with a pace.
    /// The price on subscribing is a reply, and is not counted.
    pub(crate) deliveries: AtomicU64,
    /// By the same tasks as `deliveries`.
    pub(crate) missed: AtomicU64,
    /// By the same tasks as `deliveries`.
    pub(crate) ages: AgeCounters,
    /// By the task of the broker's connection.
    pub(crate) invalid_messages: AtomicU64,
    /// By the manager's task.
    pub(crate) reconnects: AtomicU64,
    /// By the manager's task.
    pub(crate) refusals: AtomicU64,
    /// By every task that writes to a user: its own verbs, the fan-out, and the task of one that lags.
    pub(crate) evicted: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}

/// The figures of a hub.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Whether prices arrive from the broker.
    pub feed: Feed,
    /// Users that are connected now.
    pub users: u64,
    /// Users that do not keep up now, and are sent the newest price of each stock only.
    pub users_lagging: u64,
    /// Subscriptions of all users, each to one stock.
    pub subscriptions: u64,
    /// Channels that have users on this server.
    pub channels_wanted: u64,
    /// Channels that the broker has confirmed.
    pub channels_confirmed: u64,
    /// Prices that came from the broker.
    pub messages_in: u64,
    /// Prices that were sent to users.
    pub deliveries: u64,
    /// Prices that users missed, as reported to them.
    pub missed: u64,
    /// How old the delivered prices were when they were written to users.
    pub price_ages: PriceAges,
    /// Messages from the broker that were not prices, and were not relayed.
    pub invalid_messages: u64,
    /// Connections to the broker that were lost.
    pub reconnects: u64,
    /// Channels that the broker refused, counted at each attempt.
    pub refusals: u64,
    /// Users that were evicted: slow consumers, and those whose socket failed.
    pub evicted: u64,
    /// The stocks that have users, and how many each has, by name.
    pub stocks: Vec<StockUsers>,
}

/// How many users are subscribed to a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StockUsers {
    /// For instance `APPL`.
    pub stock: Stock,
    /// Its users on this server: from 1 on.
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
            price_ages: self.ages.read(),
            invalid_messages: read(&self.invalid_messages),
            reconnects: read(&self.reconnects),
            refusals: read(&self.refusals),
            evicted: read(&self.evicted),
            stocks: Vec::new(),
        }
    }
}

impl Stats {
    /// Whether prices arrive from the broker.
    pub fn is_live(&self) -> bool {
        self.feed == Feed::Live
    }
}
