//! Which stocks a user follows, computed from the user's number alone.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Zipf};
use serde::{Deserialize, Serialize};

/// A rule that gives every user its stocks.
///
/// A rule, not a list: a million users spread over fifty processes need not be told one by one,
/// and a user that leaves and comes again follows what it followed before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Picks {
    /// The same number of stocks each, dealt like cards: user 0 takes the first ones, user 1 the
    /// next, so that every stock has as many users as every other.
    Dealt {
        /// Stocks a user.
        each: u16,
        /// The first stock that is dealt.
        from: u16,
        /// How many stocks are dealt.
        of: u16,
    },
    /// A few stocks that nearly everyone follows and many that few do, as markets are: the
    /// second is followed half as often as the first, the third a third as often.
    Zipf {
        /// Different stocks a user.
        each: u16,
        /// The first stock of the market.
        from: u16,
        /// How many stocks there are.
        of: u16,
        /// The same seed gives every user the same stocks.
        seed: u64,
    },
}

impl Picks {
    /// The stocks of this user, each once.
    pub fn of(&self, user: usize) -> Vec<u16> {
        match *self {
            Self::Dealt { each, from, of } => {
                let of = usize::from(of);
                (0..usize::from(each).min(of))
                    .map(|card| from + ((user * usize::from(each) + card) % of) as u16)
                    .collect()
            }
            Self::Zipf {
                each,
                from,
                of,
                seed,
            } => {
                let ranks = Zipf::new(f64::from(of), 1.0)
                    .expect("a market has at least one stock, and the exponent is positive");
                let mut dice = StdRng::seed_from_u64(seed ^ (user as u64).wrapping_mul(0x9E37));
                let mut picked = Vec::with_capacity(each.min(of).into());
                while picked.len() < each.min(of).into() {
                    let stock = from + ranks.sample(&mut dice) as u16 - 1;
                    if !picked.contains(&stock) {
                        picked.push(stock);
                    }
                }
                picked
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dealt_stocks_have_equally_many_users() {
        let picks = Picks::Dealt {
            each: 10,
            from: 0,
            of: 1_000,
        };
        let mut users = vec![0; 1_000];
        for user in 0..500 {
            let mut stocks = picks.of(user);
            stocks.dedup();
            assert_eq!(stocks.len(), 10);
            stocks
                .iter()
                .for_each(|stock| users[usize::from(*stock)] += 1);
        }
        assert!(users.iter().all(|users| *users == 5));
    }

    #[test]
    fn a_market_has_favourites_and_a_user_keeps_its_stocks() {
        let picks = Picks::Zipf {
            each: 3,
            from: 1,
            of: 500,
            seed: 7,
        };
        let mut users = vec![0; 501];
        for user in 0..10_000 {
            assert_eq!(picks.of(user), picks.of(user));
            picks
                .of(user)
                .iter()
                .for_each(|stock| users[usize::from(*stock)] += 1);
        }
        assert_eq!(users[0], 0, "the market starts at stock 1");
        assert!(
            users[1] > 3 * users[10] && users[10] > 3 * users[100],
            "{users:?}"
        );
        assert_eq!(users.iter().sum::<u32>(), 30_000);
    }

    #[test]
    fn nobody_is_asked_for_more_stocks_than_there_are() {
        assert_eq!(
            Picks::Dealt {
                each: 9,
                from: 0,
                of: 2
            }
            .of(1)
            .len(),
            2
        );
        assert_eq!(
            Picks::Zipf {
                each: 9,
                from: 0,
                of: 2,
                seed: 0
            }
            .of(1)
            .len(),
            2
        );
    }
}
