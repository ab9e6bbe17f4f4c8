//! Which stocks a user follows, computed from the user's number alone.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Zipf};
use serde::{Deserialize, Serialize};

/// A rule that gives every user its stocks.
///
/// A rule, not a list: a million users spread over fifty processes need not be named one by one,
/// and a user that leaves and comes again follows what it followed before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    each: u16,
    first: u16,
    count: u16,
    zipf_seed: Option<u64>,
}

impl Assignment {
    /// `each` of the `count` stocks from the `first` on, dealt like cards: user 0 takes the first
    /// ones, user 1 the next, so that every stock has as many users as every other.
    pub fn even(each: u16, first: u16, count: u16) -> Self {
        let each = each.min(count);
        Self {
            each,
            first,
            count,
            zipf_seed: None,
        }
    }

    /// A few stocks that nearly everyone follows and many that few do, as on a real market: the
    /// second is followed half as often as the first, the third a third as often. The same seed
    /// gives every user the same stocks.
    pub fn zipf(each: u16, first: u16, count: u16, seed: u64) -> Self {
        Self {
            zipf_seed: Some(seed),
            ..Self::even(each, first, count)
        }
    }

    /// The stocks of this user, each once.
    pub fn of(&self, user: usize) -> Vec<u16> {
        let (each, count) = (usize::from(self.each), usize::from(self.count));
        let Some(seed) = self.zipf_seed else {
            let card = |card| self.first + ((user * each + card) % count) as u16;
            return (0..each).map(card).collect();
        };
        let ranks = Zipf::new(f64::from(self.count), 1.0)
            .expect("a market has at least one stock, and the exponent is positive");
        let mut rng = StdRng::seed_from_u64(seed ^ (user as u64).wrapping_mul(0x9E37));
        let mut stocks = Vec::with_capacity(each);
        while stocks.len() < each {
            let stock = self.first + ranks.sample(&mut rng) as u16 - 1;
            if !stocks.contains(&stock) {
                stocks.push(stock);
            }
        }
        stocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users_of_each_stock(assignment: Assignment, users: usize, stocks: usize) -> Vec<u32> {
        let mut counts = vec![0; stocks];
        for stock in (0..users).flat_map(|user| assignment.of(user)) {
            counts[usize::from(stock)] += 1;
        }
        counts
    }

    #[test]
    fn evenly_assigned_stocks_have_equally_many_users() {
        let even = Assignment::even(10, 0, 1_000);
        assert_eq!(users_of_each_stock(even, 500, 1_000), [5; 1_000]);
    }

    #[test]
    fn a_market_has_favourites_and_a_user_keeps_its_stocks() {
        let zipf = Assignment::zipf(3, 1, 500, 7);
        assert_eq!(zipf.of(42), zipf.of(42));
        let users = users_of_each_stock(zipf, 10_000, 501);
        assert_eq!(users[0], 0, "the market starts at stock 1");
        assert!(
            users[1] > 3 * users[10] && users[10] > 3 * users[100],
            "{users:?}"
        );
        assert_eq!(users.iter().sum::<u32>(), 30_000);
    }

    #[test]
    fn a_user_has_no_more_stocks_than_there_are() {
        for assignment in [Assignment::even(9, 0, 2), Assignment::zipf(9, 0, 2, 0)] {
            assert_eq!(assignment.of(1).len(), 2);
        }
    }
}
