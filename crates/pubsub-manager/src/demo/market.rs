//! Prices that walk at random, the same in each run.

use fastrand::Rng;
use pubsub_manager::{Price, Stock};

/// The stocks, with the price each begins at, in cents. The first is spelt as in the lecture.
const STOCKS: [(&str, u32); 4] = [
    ("APPL", 10_000),
    ("MSFT", 41_500),
    ("TSLA", 25_000),
    ("BRK.B", 43_700),
];

pub(crate) struct Market {
    random: Rng,
    cents: [u32; STOCKS.len()],
}

impl Market {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            cents: STOCKS.map(|(_, cents)| cents),
        }
    }

    /// A stock to subscribe to: earlier ones are more popular.
    pub(crate) fn favourite(&self, random: &mut Rng) -> Stock {
        let at = random
            .usize(..STOCKS.len())
            .min(random.usize(..STOCKS.len()));
        stock(at)
    }

    /// The next price, up to half a dollar from the last one, of a random stock.
    pub(crate) fn trade(&mut self) -> (Stock, Price) {
        let at = self.random.usize(..STOCKS.len());
        let start = STOCKS[at].1;
        let moved = self.cents[at] + self.random.u32(..=100);
        // It stays within a tenth of its first price, however long the demonstration runs.
        self.cents[at] = (moved - 50).clamp(start - start / 10, start + start / 10);
        let price = format!("{}.{:02}", self.cents[at] / 100, self.cents[at] % 100);
        (stock(at), price.parse().expect("so many cents are a price"))
    }
}

fn stock(at: usize) -> Stock {
    STOCKS[at]
        .0
        .parse()
        .expect("the market's own names are stocks")
}
