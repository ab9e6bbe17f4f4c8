//! A simulated market, for a server without a Redis: prices that move at random, the same in each run.

use std::time::Duration;

use fastrand::Rng;
use pubsub_manager::{Price, Publisher, Stock};
use tokio::time::{MissedTickBehavior, interval};

/// The stocks and their first prices, in cents. The first stock is spelt as in the lecture.
const STOCKS: [(&str, u64); 12] = [
    ("APPL", 10_000),
    ("GOOG", 17_240),
    ("MSFT", 41_510),
    ("AMZN", 18_675),
    ("META", 51_230),
    ("NVDA", 12_460),
    ("TSLA", 24_850),
    ("NFLX", 66_420),
    ("INTC", 3105),
    ("AMD", 15_890),
    ("BRK.B", 43_680),
    ("ORCL", 14_115),
];

/// The most that a price moves in one step: two in a thousand.
const STEP: f64 = 0.002;

/// A simulated market. The same seed gives the same prices.
#[derive(Debug, Clone)]
pub struct Market {
    every: Duration,
    seed: u64,
}

impl Market {
    /// A market in which one price changes at each interval of `every`.
    pub fn new(every: Duration, seed: u64) -> Self {
        Self { every, seed }
    }

    /// The stocks that are traded.
    pub fn stocks(&self) -> Vec<Stock> {
        STOCKS.iter().map(|(name, _)| stock(name)).collect()
    }

    /// All changes, in order, without end.
    pub fn prices(&self) -> impl Iterator<Item = (Stock, Price)> + Send + use<> {
        let mut random = Rng::with_seed(self.seed);
        let mut cents = STOCKS.map(|(_, cents)| cents);
        std::iter::repeat_with(move || {
            // Stocks at the start of the list trade more often: in real markets, too, a few stocks trade most.
            let at = random
                .usize(..STOCKS.len())
                .min(random.usize(..STOCKS.len()));
            let start = STOCKS[at].1;
            let step = random.f64().mul_add(2.0, -1.0) * STEP * cents[at] as f64;
            // Between half and double the first price, so that a demonstration that runs over the holidays
            // still looks like a market.
            let moved = cents[at].saturating_add_signed(step.round() as i64);
            cents[at] = moved.clamp(start / 2, start * 2);
            (stock(STOCKS[at].0), price(cents[at]))
        })
    }

    /// Publishes until the process ends. A price that the broker does not take is lost: the log says when that
    /// begins, and how many were lost when it is over.
    pub(crate) async fn run(self, publisher: Publisher) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lost = 0_u64;
        for (stock, price) in self.prices() {
            ticks.tick().await;
            match publisher.publish(&[(stock, price)]).await {
                Ok(_) if lost == 0 => {}
                Ok(_) => {
                    tracing::warn!(lost, "the market publishes again; these prices were lost");
                    lost = 0;
                }
                Err(error) => {
                    if lost == 0 {
                        tracing::warn!(%error, "the market cannot publish: its prices are lost");
                    }
                    lost += 1;
                }
            }
        }
    }
}

fn stock(name: &str) -> Stock {
    name.parse().expect("the market's own names are stocks")
}

fn price(cents: u64) -> Price {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    text.parse().expect("cents are a price")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_prices() {
        let market = |seed| {
            Market::new(Duration::ZERO, seed)
                .prices()
                .take(100)
                .collect::<Vec<_>>()
        };
        assert_eq!(market(7), market(7));
        assert_ne!(market(7), market(8));
    }

    #[test]
    fn after_a_million_trades_it_still_looks_like_a_market() {
        let mut last = std::collections::HashMap::new();
        last.extend(Market::new(Duration::ZERO, 1).prices().take(1_000_000));
        assert_eq!(last.len(), STOCKS.len());
        for (name, cents) in STOCKS {
            let now: f64 = last[&stock(name)].as_str().parse().unwrap();
            let start = cents as f64 / 100.0;
            assert!((start / 2.0..=start * 2.0).contains(&now), "{name} {now}");
        }
    }
}
