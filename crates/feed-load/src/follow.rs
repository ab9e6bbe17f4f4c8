//! One user's view of one stock, and what became of each price on the way.

use crate::counts::Counts;

/// One subscription of one user: the newest price it holds.
///
/// Eight bytes, because a million users with three stocks each have three million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The place of the stock in the list that all users share.
    pub stock: u16,
    /// Whether the server has acknowledged it.
    pub acknowledged: bool,
    /// Whether the user has asked to leave it, and the server has yet to answer.
    pub leaving: bool,
    seen: u32,
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
            seen: UNKNOWN,
        }
    }

    /// From here on every price counts: whoever holds none is taken to hold number 0.
    ///
    /// To be called when the whole way to this user is known to be open and no price has been
    /// published yet; otherwise the first price to arrive is where counting starts.
    pub fn start_from_zero(&mut self) {
        if self.seen == UNKNOWN {
            self.seen = 0;
        }
    }

    /// The server says that prices may be lost for a while, so a gap is no fault.
    pub fn may_lose(&mut self) {
        self.seen = UNKNOWN;
    }

    /// Whether this user holds the price with this number, or a newer one.
    pub fn holds(&self, number: u32) -> bool {
        self.seen != UNKNOWN && self.seen >= number
    }

    /// Books a price: each one published is delivered, told as missed, lost, or doubled.
    pub fn hear(&mut self, heard: Heard, counts: &mut Counts) {
        if heard.last {
            counts.joining += 1;
        } else {
            counts.deliveries += 1;
            counts.missed = counts.missed.saturating_add(heard.missed);
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
        if untold >= 0 {
            counts.lost += untold.unsigned_abs();
        } else {
            counts.miscounted += untold.unsigned_abs();
        }
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
    fn a_gap_after_the_server_said_stale_is_no_fault() {
        let mut follow = Follow::new(0);
        booked(&mut follow, [price(1)]);
        follow.may_lose();
        assert_eq!(booked(&mut follow, [price(9), price(10)]).lost, 0);
    }
}
