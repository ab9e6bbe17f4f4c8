//! Counters that anyone can read.

use crate::{Feed, Stock, event::Logged};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted since the manager was started. Each is a plain addition: what must be fast
/// counts here, and recorders are told once a second.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) messages_in: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) missed: AtomicU64,
    pub(crate) garbage: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) given_up: AtomicU64,
    pub(crate) refusals: AtomicU64,
    pub(crate) restarts: AtomicU64,
    pub(crate) wanted: AtomicU64,
    pub(crate) confirmed: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

/// How the manager stands, at one moment.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Whether prices flow.
    pub feed: Feed,
    /// Users that are connected now.
    pub users: u64,
    /// Users that do not keep up now, and are given the newest of each stock only.
    pub users_behind: u64,
    /// Stocks followed by users, summed over all users.
    pub subscriptions: u64,
    /// Channels that this server's users want.
    pub channels_wanted: u64,
    /// Channels that the broker has confirmed.
    pub channels_confirmed: u64,
    /// Prices that came from the broker.
    pub messages_in: u64,
    /// Prices that were given to users.
    pub deliveries: u64,
    /// Prices that users were told they missed.
    pub missed: u64,
    /// Messages from the broker that were no price, and were relayed to nobody.
    pub garbage: u64,
    /// Links to the broker that were lost, and made again.
    pub reconnects: u64,
    /// Channels that the broker refused, counted at each attempt.
    pub refusals: u64,
    /// Users that were given up because they did not read.
    pub given_up: u64,
    /// Times that the manager's own task ended by a fault and was started again. Any is a bug.
    pub restarts: u64,
    /// The stocks that are followed, and how many follow each, by name.
    pub stocks: Vec<StockUsers>,
    /// The latest things that happened, oldest first.
    pub recent: Vec<Logged>,
}

/// How many users follow a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StockUsers {
    /// The stock.
    pub stock: Stock,
    /// Its users on this server.
    pub users: usize,
}

impl Stats {
    /// Whether prices flow.
    pub fn is_live(&self) -> bool {
        self.feed == Feed::Live
    }

    /// Tells the counters to the recorder that the process has installed, if any. The manager
    /// does so itself once a second; whoever is asked for the figures now may do it now.
    #[cfg(feature = "metrics")]
    pub fn record(&self) {
        let counters = [
            ("pubsub_messages_in_total", self.messages_in),
            ("pubsub_deliveries_total", self.deliveries),
            ("pubsub_missed_total", self.missed),
            ("pubsub_garbage_total", self.garbage),
            ("pubsub_reconnects_total", self.reconnects),
            ("pubsub_refusals_total", self.refusals),
            ("pubsub_users_given_up_total", self.given_up),
            ("pubsub_restarts_total", self.restarts),
        ];
        for (name, value) in counters {
            metrics::counter!(name).absolute(value);
        }
        let gauges = [
            ("pubsub_users", self.users),
            ("pubsub_users_behind", self.users_behind),
            ("pubsub_subscriptions", self.subscriptions),
            ("pubsub_channels_wanted", self.channels_wanted),
            ("pubsub_channels_confirmed", self.channels_confirmed),
            ("pubsub_feed_live", u64::from(self.feed == Feed::Live)),
        ];
        for (name, value) in gauges {
            // A gauge is a float by the facade's choice; counts stay exact up to 2^53.
            metrics::gauge!(name).set(value as f64);
        }
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use crate::{Options, PubSubManager};
    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };
    use parking_lot::Mutex;
    use std::{collections::BTreeMap, sync::Arc};

    /// A recorder that keeps the last value of each name.
    #[derive(Default)]
    struct Book(Arc<Mutex<BTreeMap<String, f64>>>);

    struct Line(String, Arc<Mutex<BTreeMap<String, f64>>>);

    impl Book {
        fn line(&self, key: &Key) -> Arc<Line> {
            Arc::new(Line(key.name().to_owned(), Arc::clone(&self.0)))
        }
    }

    impl Recorder for Book {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.line(key))
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.line(key))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    impl CounterFn for Line {
        fn increment(&self, _: u64) {}
        fn absolute(&self, value: u64) {
            self.1.lock().insert(self.0.clone(), value as f64);
        }
    }

    impl GaugeFn for Line {
        fn increment(&self, _: f64) {}
        fn decrement(&self, _: f64) {}
        fn set(&self, value: f64) {
            self.1.lock().insert(self.0.clone(), value);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_processs_recorder_is_told_what_stats_tells() {
        let manager = PubSubManager::new(Options::default()).unwrap();
        manager.handle_message("APPL".parse().unwrap(), "1".parse().unwrap());
        let book = Book::default();
        metrics::with_local_recorder(&book, || manager.stats().record());
        let book = book.0.lock();
        assert_eq!(book.len(), 14);
        assert_eq!(book["pubsub_messages_in_total"], 1.0);
        assert_eq!(book["pubsub_feed_live"], 0.0);
    }
}
