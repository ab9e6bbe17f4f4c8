//! When the prices of a measurement are due.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// Each stock has a price once in a period; the stocks follow each other at equal distances.
///
/// Prices carry the microsecond at which they were due, not the one at which they were published. So a
/// publisher that is late makes prices look older, never newer, and when the prices before one were due
/// follows from its own date.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// In random order: a user's stocks must not have their prices one right after the other.
    order: Vec<usize>,
    start: u64,
    period: u64,
    taken: u64,
}

impl Schedule {
    /// The first price is due at the microsecond `start`. The same seed gives the same order.
    pub(crate) fn new(stocks: usize, period: u64, start: u64, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..stocks).collect();
        order.shuffle(&mut StdRng::seed_from_u64(seed));
        Self {
            order,
            start,
            period,
            taken: 0,
        }
    }

    /// The prices that are due by `now` and were not taken before: a stock and a microsecond each.
    pub(crate) fn take_due(&mut self, now: u64) -> Vec<(usize, u64)> {
        let mut prices = Vec::new();
        loop {
            let price = self.price(self.taken);
            if price.1 > now {
                return prices;
            }
            prices.push(price);
            self.taken += 1;
        }
    }

    fn price(&self, number: u64) -> (usize, u64) {
        let stocks = self.order.len() as u64;
        let (round, turn) = (number / stocks, number % stocks);
        let due = self.start + round * self.period + turn * self.period / stocks;
        (self.order[turn as usize], due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stock_has_a_price_once_in_a_period_and_the_same_distance_to_its_next_one() {
        let mut schedule = Schedule::new(7, 1_000, 500, 13);
        let prices = schedule.take_due(500 + 2_999);
        assert_eq!(prices.len(), 21);
        for stock in 0..7 {
            let dates = prices.iter().filter(|price| price.0 == stock);
            let dates: Vec<u64> = dates.map(|price| price.1).collect();
            assert_eq!(dates.len(), 3, "{prices:?}");
            assert_eq!([dates[1] - dates[0], dates[2] - dates[1]], [1_000; 2]);
        }
    }

    #[test]
    fn prices_are_spread_over_the_period_and_come_once() {
        let mut schedule = Schedule::new(4, 1_000, 0, 13);
        let dates = |prices: Vec<(usize, u64)>| prices.into_iter().map(|price| price.1);
        assert!(dates(schedule.take_due(499)).eq([0, 250]));
        assert_eq!(schedule.take_due(499), []);
        assert!(
            dates(schedule.take_due(1_000)).eq([500, 750, 1_000]),
            "what is late is not left out"
        );
    }
}
