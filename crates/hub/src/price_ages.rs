//! How old prices are when they are written to users.

use serde::Serialize;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// How old prices were when they were written to users: the time from the moment in which this server received a
/// price until it was written to a user's socket. What passed before, on the way through the broker, is not in it.
///
/// Each of the [`deliveries`](crate::Stats::deliveries) has an age, and nothing else has: a price counts as
/// written when the socket took the first part of its message.
///
/// The clock is read once for many prices. Prices of a stock that are relayed together have the age of the oldest
/// of them, and the users of a slice (256) have the age at the slice's end. So an age is never too small; it is too
/// large by some milliseconds at most, unless more prices come than can be relayed. A user that lags, or has a
/// pace, is sent the newest price of each stock, and that has its own age.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct PriceAges {
    /// How many prices were older than the bound before and not older than their own, for each of
    /// [`BOUNDS`](Self::BOUNDS), and last those that were older than all bounds.
    pub counts: [u64; PriceAges::BOUNDS.len() + 1],
    /// The sum of all ages.
    pub sum: Duration,
}

impl PriceAges {
    /// The largest age of each bucket but the last.
    pub const BOUNDS: [Duration; 16] = [
        Duration::from_micros(1_000),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_millis(1_000),
        Duration::from_millis(1_500),
        Duration::from_millis(2_500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_secs(60),
    ];

    /// Adds so many prices of the same age.
    pub(crate) fn record(&mut self, age: Duration, prices: u64) {
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < age);
        self.counts[bucket] += prices;
        let times = u32::try_from(prices).unwrap_or(u32::MAX);
        self.sum = self.sum.saturating_add(age.saturating_mul(times));
    }
}

/// All ages since the hub was made, added to by the tasks that count deliveries.
#[derive(Default)]
pub(crate) struct AgeCounters {
    counts: [AtomicU64; PriceAges::BOUNDS.len() + 1],
    /// In microseconds: enough for half a million years of ages.
    sum: AtomicU64,
}

impl AgeCounters {
    /// The prices of one write have few different ages, so most buckets are not touched.
    pub(crate) fn add(&self, ages: &PriceAges) {
        for (counter, prices) in self.counts.iter().zip(ages.counts) {
            if prices > 0 {
                counter.fetch_add(prices, Relaxed);
            }
        }
        let micros = u64::try_from(ages.sum.as_micros()).unwrap_or(u64::MAX);
        self.sum.fetch_add(micros, Relaxed);
    }

    pub(crate) fn read(&self) -> PriceAges {
        PriceAges {
            counts: self.counts.each_ref().map(|count| count.load(Relaxed)),
            sum: Duration::from_micros(self.sum.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_belongs_to_the_first_bound_that_it_does_not_exceed() {
        let mut ages = PriceAges::default();
        let bounds = PriceAges::BOUNDS;
        assert!(bounds.is_sorted());
        for (at, bound) in bounds.into_iter().enumerate() {
            ages.record(bound, 1);
            ages.record(bound + Duration::from_nanos(1), 10);
            assert_eq!(ages.counts[at], if at == 0 { 1 } else { 11 }, "{bound:?}");
            assert_eq!(ages.counts[at + 1], 10, "{bound:?}");
        }
        ages.record(Duration::ZERO, 5);
        assert_eq!(ages.counts[0], 6);
    }

    #[test]
    fn the_counters_are_the_sum_of_all_that_was_added() {
        let counters = AgeCounters::default();
        for (millis, prices) in [(3, 256), (3_000, 1)] {
            let mut ages = PriceAges::default();
            ages.record(Duration::from_millis(millis), prices);
            counters.add(&ages);
        }
        let all = counters.read();
        assert_eq!(all.counts.iter().sum::<u64>(), 257);
        assert_eq!(all.sum, Duration::from_millis(3_768));
    }
}
