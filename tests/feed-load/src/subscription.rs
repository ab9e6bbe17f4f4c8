//! One user's view of one stock, and what became of each price on the way.

use crate::counts::Counts;

/// One subscription of one user: the newest price it holds.
///
/// Twelve bytes, because a million users with three stocks each have three million of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    /// The index of the stock in the list that all users share.
    pub(crate) stock: u16,
    /// Whether the server has acknowledged it.
    pub(crate) acknowledged: bool,
    /// Whether the user has asked to unsubscribe, and the server has yet to answer.
    pub(crate) leaving: bool,
    feed: Feed,
    last_number: u32,
}

/// What the server has said about the feed, as far as it bears on the next gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// Prices arrive: a gap is a loss.
    Live,
    /// Prices may be lost. Those that the server had read before still arrive.
    Stale,
    /// They arrive again, and none has yet: the gap shows before the first one.
    LiveAgain,
}

/// No price has shown yet where this subscription stands in the stock's numbering.
const UNKNOWN: u32 = u32::MAX;

/// What a price says about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Its number within the stock.
    pub(crate) number: u32,
    /// It is the price on joining.
    pub(crate) last: bool,
    /// How many prices before it the server says it skipped.
    pub(crate) missed: u64,
}

impl Subscription {
    pub(crate) fn new(stock: u16) -> Self {
        Self {
            stock,
            acknowledged: false,
            leaving: false,
            feed: Feed::Live,
            last_number: UNKNOWN,
        }
    }

    /// From here on every price counts: this user is taken to hold number 0.
    ///
    /// To be called when the whole way to this user is known to be open and no price has been
    /// published yet; otherwise the first price to arrive is where counting starts. A user who holds
    /// one all the same has got it on joining, from a measurement before this one.
    pub(crate) fn start_from_zero(&mut self) {
        self.last_number = 0;
    }

    /// The server says that prices may be lost from here on, so the user is warned of a gap.
    /// Returns whether that is news.
    pub(crate) fn mark_stale(&mut self) -> bool {
        std::mem::replace(&mut self.feed, Feed::Stale) != Feed::Stale
    }

    /// The server says that prices arrive again.
    pub(crate) fn mark_live(&mut self) {
        if self.feed == Feed::Stale {
            self.feed = Feed::LiveAgain;
        }
    }

    /// Whether this user holds the price with this number, or a newer one.
    pub(crate) fn holds(&self, number: u32) -> bool {
        self.last_number != UNKNOWN && self.last_number >= number
    }

    /// Counts a price: each one published is delivered, reported as missed, missed while the feed
    /// was stale, lost, or doubled.
    ///
    /// Returns how many prices lie between the one that the user held and this one; `None` if this one
    /// is not newer, or the first.
    pub(crate) fn record(&mut self, price: Arrival, counts: &mut Counts) -> Option<u32> {
        if price.last {
            counts.joining += 1;
        } else {
            counts.deliveries += 1;
            counts.missed = counts.missed.saturating_add(price.missed);
        }
        let feed = self.feed;
        // The price on joining may be older than the gap.
        if feed == Feed::LiveAgain && !price.last {
            self.feed = Feed::Live;
        }
        if self.last_number == UNKNOWN {
            self.last_number = price.number;
            return None;
        }
        let step = i64::from(price.number) - i64::from(self.last_number);
        if step <= 0 {
            counts.doubled += 1;
            return None;
        }
        let skipped = price.number - self.last_number - 1;
        self.last_number = price.number;
        let unreported = step - 1 - i64::try_from(price.missed).unwrap_or(i64::MAX);
        *match (unreported, feed) {
            (..0, _) => &mut counts.miscounted,
            (_, Feed::Live) => &mut counts.lost,
            (_, Feed::Stale | Feed::LiveAgain) => &mut counts.missed_while_stale,
        } += unreported.unsigned_abs();
        Some(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(number: u32) -> Arrival {
        Arrival {
            number,
            last: false,
            missed: 0,
        }
    }

    fn joining(number: u32) -> Arrival {
        Arrival {
            last: true,
            ..price(number)
        }
    }

    fn after_missing(missed: u64, number: u32) -> Arrival {
        Arrival {
            missed,
            ..price(number)
        }
    }

    fn counted<const N: usize>(to: &mut Subscription, prices: [Arrival; N]) -> Counts {
        let mut counts = Counts::default();
        for price in prices {
            to.record(price, &mut counts);
        }
        counts
    }

    fn of_new<const N: usize>(prices: [Arrival; N]) -> Counts {
        counted(&mut Subscription::new(0), prices)
    }

    #[test]
    fn prices_in_order_are_delivered_and_nothing_else() {
        let mut subscription = Subscription::new(0);
        let counts = counted(&mut subscription, [5, 6, 7].map(price));
        let delivered = Counts {
            deliveries: 3,
            ..Counts::default()
        };
        assert_eq!(counts, delivered);
        assert!(subscription.holds(7) && !subscription.holds(8));
    }

    #[test]
    fn a_gap_is_lost_prices_unless_the_server_reports_it_as_missed() {
        let counts = of_new([1, 4].map(price));
        assert_eq!((counts.lost, counts.missed), (2, 0));
        let counts = of_new([price(1), after_missing(2, 4)]);
        assert_eq!((counts.lost, counts.missed, counts.miscounted), (0, 2, 0));
    }

    #[test]
    fn the_prices_between_the_last_one_and_this_one_are_said_however_they_were_reported() {
        let mut subscription = Subscription::new(0);
        let mut counts = Counts::default();
        let mut skipped = |price| subscription.record(price, &mut counts);
        assert_eq!(skipped(joining(3)), None, "it is where counting starts");
        assert_eq!(skipped(price(4)), Some(0));
        assert_eq!(skipped(after_missing(2, 7)), Some(2));
        assert_eq!(skipped(price(9)), Some(1));
        assert_eq!(skipped(price(9)), None, "it is not newer");
    }

    #[test]
    fn a_server_that_reports_too_few_or_too_many_as_missed_is_found_out() {
        assert_eq!(of_new([price(1), after_missing(1, 4)]).lost, 1);
        assert_eq!(of_new([price(1), after_missing(5, 4)]).miscounted, 3);
        assert!(of_new([price(1), after_missing(u64::MAX, 4)]).miscounted > 0);
    }

    #[test]
    fn a_price_that_comes_again_or_late_is_doubled_and_changes_nothing() {
        let mut subscription = Subscription::new(0);
        let counts = counted(&mut subscription, [3, 3, 2, 4].map(price));
        assert_eq!((counts.doubled, counts.lost), (2, 0));
        assert!(subscription.holds(4));
    }

    #[test]
    fn counting_starts_at_the_price_on_joining() {
        let counts = of_new([joining(9), price(10)]);
        assert_eq!((counts.joining, counts.deliveries, counts.lost), (1, 1, 0));
        assert_eq!(of_new([joining(9), price(12)]).lost, 2);
    }

    #[test]
    fn before_the_first_price_nothing_is_lost_unless_the_way_was_known_to_be_open() {
        assert_eq!(of_new([price(3)]).lost, 0);
        let mut open = Subscription::new(0);
        open.start_from_zero();
        assert_eq!(counted(&mut open, [price(3)]).lost, 2);
    }

    #[test]
    fn counting_from_zero_forgets_a_price_left_over_from_an_earlier_measurement() {
        let mut subscription = Subscription::new(0);
        counted(&mut subscription, [joining(9)]);
        subscription.start_from_zero();
        let counts = counted(&mut subscription, [1, 2].map(price));
        assert_eq!((counts.doubled, counts.lost), (0, 0));
    }

    #[test]
    fn a_gap_after_the_server_said_stale_is_counted_apart_until_prices_arrive_again() {
        let mut subscription = Subscription::new(0);
        counted(&mut subscription, [price(1)]);
        assert!(subscription.mark_stale());
        assert!(!subscription.mark_stale(), "it knows that already");
        // A price that the server had read before it lost the broker says nothing about the gap.
        let counts = counted(&mut subscription, [price(2), price(5)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (2, 0));
        subscription.mark_live();
        let counts = counted(&mut subscription, [price(9), price(10)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (3, 0));
        let counts = counted(&mut subscription, [price(12)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (0, 1));
    }

    #[test]
    fn the_price_on_joining_a_stale_feed_may_be_older_than_the_gap() {
        let mut subscription = Subscription::new(0);
        subscription.mark_stale();
        subscription.mark_live();
        let counts = counted(&mut subscription, [joining(3), price(6), price(8)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (2, 1));
    }

    #[test]
    fn a_stale_feed_excuses_a_gap_but_neither_a_doubled_price_nor_a_wrong_missed() {
        let mut subscription = Subscription::new(0);
        counted(&mut subscription, [price(4)]);
        subscription.mark_stale();
        subscription.mark_live();
        let counts = counted(&mut subscription, [price(4), after_missing(1, 5)]);
        assert_eq!((counts.doubled, counts.miscounted), (1, 1));
    }
}
