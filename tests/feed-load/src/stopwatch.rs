//! Holds what the users of a worker get against a pace.

use hdrhistogram::Histogram;

use crate::protocol::Pace;

/// How long a slot of the interval is about, in microseconds.
const SLOT: u64 = 50_000;

/// Measures how old the users' prices get, when in the interval prices arrive, and in how many groups.
///
/// A group is what one write of the server may bring to a user with a pace: at most one price of each of its
/// stocks.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    pace: Pace,
    started: u64,
    /// Microseconds for which a user had to do without a newer price.
    pub(crate) ages: Histogram<u64>,
    /// Prices that arrived in each part of the interval, all intervals together.
    pub(crate) slots: Vec<u64>,
    /// Groups of all users.
    pub(crate) groups: u64,
}

impl Stopwatch {
    /// Starts at this microsecond with a histogram of the caller's precision.
    pub(crate) fn start(pace: Pace, ages: Histogram<u64>, now: u64) -> Self {
        let slots = pace.interval.div_ceil(SLOT).max(1);
        Self {
            pace,
            started: now,
            ages,
            slots: vec![0; usize::try_from(slots).unwrap_or(1)],
            groups: 0,
        }
    }

    /// Records a price that carries `due` as its microsecond, and before which the user skipped so many. Each
    /// of these was due one period before the next. So the user has been without a newer price since the
    /// first of them was due, or since this one was if it skipped none.
    pub(crate) fn record_price(&mut self, due: u64, skipped: u32, now: u64) {
        let first = due.saturating_sub(u64::from(skipped) * self.pace.period);
        self.ages.saturating_record(now.saturating_sub(first));
    }

    /// Records a read of a user that brought so many prices, and returns how many groups it was at least.
    ///
    /// One that begins in the middle of a frame is the rest of a group that has been counted. One with more
    /// prices than the user has stocks is more than one group that arrived together.
    pub(crate) fn record_read(&mut self, read: Read, now: u64) -> u64 {
        let slots = self.slots.len() as u64;
        let interval = self.pace.interval.max(1);
        let slot = now % interval * slots / interval;
        self.slots[slot as usize] += read.prices;
        let groups = read.prices.div_ceil(read.stocks.max(1));
        let fresh = groups - u64::from(read.begins_within_a_frame && groups > 0);
        self.groups += fresh;
        fresh
    }

    /// How many groups a user may have got by now: one in each interval, one more because the time does not
    /// begin with an interval, and one that was on its way when the time began.
    pub(crate) fn allowed(&self, now: u64) -> u64 {
        now.saturating_sub(self.started) / self.pace.interval.max(1) + 2
    }
}

/// What one read brought to a user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) prices: u64,
    /// The user's stocks.
    pub(crate) stocks: u64,
    pub(crate) begins_within_a_frame: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group a second, and of each stock a price every 400 ms.
    fn started() -> Stopwatch {
        let pace = Pace {
            interval: 1_000_000,
            period: 400_000,
        };
        let ages = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
        Stopwatch::start(pace, ages, 5_000_000)
    }

    fn read(prices: u64) -> Read {
        Read {
            prices,
            stocks: 20,
            begins_within_a_frame: false,
        }
    }

    #[test]
    fn a_price_is_as_late_as_the_first_one_that_the_user_did_not_get() {
        let mut watch = started();
        watch.record_price(7_000_000, 0, 7_250_000);
        assert!(watch.ages.max().abs_diff(250_000) < 500, "this one itself");
        watch.record_price(7_000_000, 2, 7_250_000);
        assert!(
            watch.ages.max().abs_diff(1_050_000) < 1_000,
            "the first of two that were skipped, 800 ms earlier"
        );
    }

    #[test]
    fn prices_are_counted_in_twenty_parts_of_a_second() {
        let mut watch = started();
        for (now, prices) in [(7_000_000, 20), (9_049_999, 3), (8_999_999, 1)] {
            watch.record_read(read(prices), now);
        }
        assert_eq!(watch.slots.len(), 20);
        assert_eq!((watch.slots[0], watch.slots[19]), (23, 1));
        assert_eq!(watch.slots.iter().sum::<u64>(), 24);
    }

    #[test]
    fn a_group_has_one_price_of_each_stock_at_most_and_its_second_half_is_no_other_one() {
        let mut watch = started();
        assert_eq!(watch.record_read(read(20), 0), 1);
        assert_eq!(watch.record_read(read(1), 0), 1);
        assert_eq!(watch.record_read(read(21), 0), 2, "a stock came twice");
        let rest = Read {
            begins_within_a_frame: true,
            ..read(3)
        };
        assert_eq!(watch.record_read(rest, 0), 0);
        assert_eq!(watch.groups, 4);
    }

    #[test]
    fn a_user_may_get_a_group_in_each_interval_and_two_at_the_edges() {
        let watch = started();
        assert_eq!(watch.allowed(5_000_000), 2);
        assert_eq!(watch.allowed(5_999_999), 2);
        assert_eq!(watch.allowed(15_000_000), 12);
    }
}
