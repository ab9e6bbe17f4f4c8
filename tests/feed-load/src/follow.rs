//! One user's view of one stock, and what became of each price on the way.

use crate::counts::Counts;

/// One subscription of one user: the newest price it holds.
///
/// Twelve bytes, because a million users with three stocks each have three million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The place of the stock in the list that all users share.
    pub stock: u16,
    /// Whether the server has acknowledged it.
    pub acknowledged: bool,
    /// Whether the user has asked to leave it, and the server has yet to answer.
    pub leaving: bool,
    told: Told,
    seen: u32,
}

/// What the server has told of the feed, as far as it bears on the next gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Prices arrive: a gap is a loss.
    Live,
    /// Prices may be lost. Those that the server had read before still arrive.
    Stale,
    /// They arrive again, and none has yet: the gap shows before the first one.
    LiveAgain,
}

/// No price has told yet where this subscription stands in the stock's numbering.
const UNKNOWN: u32 = u32::MAX;

/// What a price claims about itself.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Its number within the stock.
    pub number: u32,
    /// It is the price on joining.
    pub last: bool,
    /// How many prices before it the server says it skipped.
    pub missed: u64,
}

impl Follow {
    /// A subscription that was asked for.
    pub fn new(stock: u16) -> Self {
        Self {
            stock,
            acknowledged: false,
            leaving: false,
            told: Told::Live,
            seen: UNKNOWN,
        }
    }

    /// From here on every price counts: everybody is taken to hold number 0.
    ///
    /// To be called when the whole way to this user is known to be open and no price has been
    /// published yet; otherwise the first price to arrive is where counting starts. Whoever holds
    /// one all the same has got it on joining, from a measurement before this one.
    pub fn start_from_zero(&mut self) {
        self.seen = 0;
    }

    /// The server says that prices may be lost from here on, so a gap is not kept from the user.
    /// Returns whether that is news.
    pub fn tell_stale(&mut self) -> bool {
        std::mem::replace(&mut self.told, Told::Stale) != Told::Stale
    }

    /// The server says that prices arrive again.
    pub fn tell_live(&mut self) {
        if self.told == Told::Stale {
            self.told = Told::LiveAgain;
        }
    }

    /// Whether this user holds the price with this number, or a newer one.
    pub fn holds(&self, number: u32) -> bool {
        self.seen != UNKNOWN && self.seen >= number
    }

    /// Books a price: each one published is delivered, told as missed, missed while the feed was
    /// told to be stale, lost, or doubled.
    pub fn hear(&mut self, heard: Heard, counts: &mut Counts) {
        if heard.last {
            counts.joining += 1;
        } else {
            counts.deliveries += 1;
            counts.missed = counts.missed.saturating_add(heard.missed);
        }
        let told = self.told;
        // The price on joining may be older than the gap.
        if told == Told::LiveAgain && !heard.last {
            self.told = Told::Live;
        }
        if self.seen == UNKNOWN {
            self.seen = heard.number;
            return;
        }
        let step = i64::from(heard.number) - i64::from(self.seen);
        if step <= 0 {
            counts.doubled += 1;
            return;
        }
        self.seen = heard.number;
        let untold = step - 1 - i64::try_from(heard.missed).unwrap_or(i64::MAX);
        *match (untold, told) {
            (..0, _) => &mut counts.miscounted,
            (_, Told::Live) => &mut counts.lost,
            (_, Told::Stale | Told::LiveAgain) => &mut counts.missed_while_stale,
        } += untold.unsigned_abs();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(number: u32) -> Heard {
        Heard {
            number,
            last: false,
            missed: 0,
        }
    }

    fn booked(follow: &mut Follow, heard: impl IntoIterator<Item = Heard>) -> Counts {
        let mut counts = Counts::default();
        for heard in heard {
            follow.hear(heard, &mut counts);
        }
        counts
    }

    #[test]
    fn prices_in_order_are_delivered_and_nothing_else() {
        let mut follow = Follow::new(0);
        let counts = booked(&mut follow, [5, 6, 7].map(price));
        assert_eq!(
            counts,
            Counts {
                deliveries: 3,
                ..Counts::default()
            }
        );
        assert!(follow.holds(7) && !follow.holds(8));
    }

    #[test]
    fn a_gap_that_nobody_tells_is_lost_prices() {
        let counts = booked(&mut Follow::new(0), [1, 4].map(price));
        assert_eq!((counts.lost, counts.missed), (2, 0));
    }

    #[test]
    fn a_gap_that_the_server_tells_is_missed_prices() {
        let told = Heard {
            missed: 2,
            ..price(4)
        };
        let counts = booked(&mut Follow::new(0), [price(1), told]);
        assert_eq!((counts.lost, counts.missed, counts.miscounted), (0, 2, 0));
    }

    #[test]
    fn a_server_that_tells_too_few_or_too_many_is_found_out() {
        let few = Heard {
            missed: 1,
            ..price(4)
        };
        assert_eq!(booked(&mut Follow::new(0), [price(1), few]).lost, 1);
        let many = Heard {
            missed: 5,
            ..price(4)
        };
        assert_eq!(booked(&mut Follow::new(0), [price(1), many]).miscounted, 3);
        let absurd = Heard {
            missed: u64::MAX,
            ..price(4)
        };
        assert!(booked(&mut Follow::new(0), [price(1), absurd]).miscounted > 0);
    }

    #[test]
    fn a_price_heard_again_or_late_is_doubled_and_changes_nothing() {
        let mut follow = Follow::new(0);
        let counts = booked(&mut follow, [3, 3, 2, 4].map(price));
        assert_eq!((counts.doubled, counts.lost), (2, 0));
        assert!(follow.holds(4));
    }

    #[test]
    fn counting_starts_at_the_price_on_joining() {
        let joining = Heard {
            last: true,
            ..price(9)
        };
        let counts = booked(&mut Follow::new(0), [joining, price(10)]);
        assert_eq!((counts.joining, counts.deliveries, counts.lost), (1, 1, 0));
        let counts = booked(&mut Follow::new(0), [joining, price(12)]);
        assert_eq!(counts.lost, 2);
    }

    #[test]
    fn before_the_first_price_nothing_is_lost_unless_the_way_was_known_to_be_open() {
        assert_eq!(booked(&mut Follow::new(0), [price(3)]).lost, 0);
        let mut open = Follow::new(0);
        open.start_from_zero();
        assert_eq!(booked(&mut open, [price(3)]).lost, 2);
    }

    #[test]
    fn a_price_left_over_from_an_earlier_measurement_is_not_counted_from() {
        let mut follow = Follow::new(0);
        let left_over = Heard {
            last: true,
            ..price(9)
        };
        booked(&mut follow, [left_over]);
        follow.start_from_zero();
        let counts = booked(&mut follow, [1, 2].map(price));
        assert_eq!((counts.doubled, counts.lost), (0, 0));
    }

    #[test]
    fn a_gap_after_the_server_said_stale_is_booked_apart_until_prices_arrive_again() {
        let mut follow = Follow::new(0);
        booked(&mut follow, [price(1)]);
        assert!(follow.tell_stale());
        assert!(!follow.tell_stale(), "it knows that already");
        // A price that the server had read before it lost the link says nothing of the gap.
        let counts = booked(&mut follow, [price(2), price(5)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (2, 0));
        follow.tell_live();
        let counts = booked(&mut follow, [price(9), price(10)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (3, 0));
        let counts = booked(&mut follow, [price(12)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (0, 1));
    }

    #[test]
    fn the_price_on_joining_a_stale_feed_may_be_older_than_the_gap() {
        let mut follow = Follow::new(0);
        follow.tell_stale();
        follow.tell_live();
        let joining = Heard {
            last: true,
            ..price(3)
        };
        let counts = booked(&mut follow, [joining, price(6), price(8)]);
        assert_eq!((counts.missed_while_stale, counts.lost), (2, 1));
    }

    #[test]
    fn a_stale_feed_excuses_a_gap_but_neither_a_price_heard_again_nor_a_lie_about_missed() {
        let mut follow = Follow::new(0);
        booked(&mut follow, [price(4)]);
        follow.tell_stale();
        follow.tell_live();
        let lie = Heard {
            missed: 1,
            ..price(5)
        };
        let counts = booked(&mut follow, [price(4), lie]);
        assert_eq!((counts.doubled, counts.miscounted), (1, 1));
    }
}
