//! What has been published, and at what pace.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use indicatif::{HumanCount, ProgressBar};
use price_files::{BadLine, StockPrice};
use pubsub_manager::{BrokerError, Price, Publisher, Stock};
use tokio::time::{Instant, sleep};

use super::pace::Pace;

/// The most prices that leave together.
const MAX_BATCH: usize = 512;

/// Invalid lines that are named one by one; what comes after these is counted.
const MAX_NAMED: u64 = 20;

/// The pauses before a batch is sent again, some half a minute together: a Redis that is restarted, or is
/// paused for a moment, is back by then.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(2))
    .with_max_times(20);

/// A run of `stock-feed publish`.
pub(super) struct Publishing {
    publisher: Publisher,
    pace: Pace,
    pub(super) bar: ProgressBar,
    started: Instant,
    /// Prices that have left.
    prices: u64,
    /// How many servers received a price, added up over all prices.
    receivers: u64,
    /// Whether Redis has answered once: only then is a connection something that can be lost.
    is_answered: bool,
    /// Prices that were sent again, because it is not known whether they had been published.
    again: u64,
    invalid: u64,
    /// Lines of days on which there was no price.
    without_price: u64,
    rounded: u64,
    stocks: HashSet<Stock>,
}

impl Publishing {
    pub(super) fn new(publisher: Publisher, rate: f64, bar: ProgressBar) -> Self {
        Self {
            publisher,
            pace: Pace::new(rate),
            bar,
            started: Instant::now(),
            prices: 0,
            receivers: 0,
            is_answered: false,
            again: 0,
            invalid: 0,
            without_price: 0,
            rounded: 0,
            stocks: HashSet::new(),
        }
    }

    /// How many prices leave together: what belongs to a hundredth of a second.
    pub(super) fn batch(&self) -> usize {
        match self.pace.rate() {
            0.0 => MAX_BATCH,
            rate => ((rate / 100.0) as usize).clamp(1, MAX_BATCH),
        }
    }

    /// Prices that have left.
    pub(super) fn prices(&self) -> u64 {
        self.prices
    }

    /// Lines that are not prices.
    pub(super) fn invalid(&self) -> u64 {
        self.invalid
    }

    pub(super) fn count_rounded(&mut self, prices: &[StockPrice]) {
        self.rounded += prices.iter().filter(|read| read.is_rounded).count() as u64;
    }

    pub(super) fn count_without_price(&mut self) {
        self.without_price += 1;
    }

    /// Counts an invalid line, and names it if not too many were.
    pub(super) fn name_invalid(&mut self, file: &str, line: u64, bad: &BadLine) {
        self.invalid += 1;
        let text = match self.invalid {
            ..=MAX_NAMED => format!("stock-feed: {file}, line {line}: {bad}"),
            invalid if invalid == MAX_NAMED + 1 => {
                "stock-feed: more bad lines follow, and are counted".into()
            }
            _ => return,
        };
        self.note(&text);
    }

    /// Publishes prices that leave together, when it is their time.
    pub(super) async fn publish(&mut self, prices: &[StockPrice]) -> anyhow::Result<()> {
        if prices.is_empty() {
            return Ok(());
        }
        self.pace.wait(prices.len()).await;
        // Counted as they leave: at Ctrl-C, servers have received what is under way.
        let before = self.prices;
        self.prices += prices.len() as u64;
        self.stocks.extend(prices.iter().map(|read| read.stock));
        let batch: Vec<(Stock, Price)> =
            prices.iter().map(|read| (read.stock, read.price)).collect();
        let receivers = self.publish_or_retry(&batch).await;
        self.receivers +=
            receivers.with_context(|| format!("stopped after {}", count(before, "price")))?;
        self.bar.set_message(count(self.prices, "price"));
        Ok(())
    }

    /// Sends a batch until Redis answers. Redis closes a connection that was idle (its `timeout`), is
    /// restarted, or does not answer for a while: what was sent is then published or not. At most once is
    /// what a relay promises; a price from a file may better come twice than not at all.
    async fn publish_or_retry(&mut self, prices: &[(Stock, Price)]) -> Result<u64, BrokerError> {
        let mut pauses = PAUSES.build();
        let mut is_first = true;
        loop {
            let published = self.publisher.publish(prices).await;
            let error = match published {
                Ok(receivers) => {
                    self.is_answered = true;
                    return Ok(receivers);
                }
                Err(lost @ BrokerError::Lost(_)) if self.is_answered => lost,
                Err(error) => return Err(error),
            };
            if std::mem::take(&mut is_first) {
                self.again += prices.len() as u64;
                self.note(&format!("stock-feed: sending again: {error}"));
            }
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// Prints a line beside the bar.
    pub(super) fn note(&self, text: &str) {
        if self.bar.is_hidden() {
            let _ = writeln!(io::stderr(), "{text}");
        } else {
            self.bar.println(text);
        }
    }

    pub(super) fn summary(&self) -> String {
        let took = self.started.elapsed().as_secs_f64();
        let unless_none = |n: u64, one: &str, what: &str| match n {
            0 => String::new(),
            n => format!("; {}{what}", count(n, one)),
        };
        format!(
            "published {} of {} in {took:.1} s; servers received them {}{}{}{}{}",
            count(self.prices, "price"),
            count(self.stocks.len() as u64, "stock"),
            count(self.receivers, "time"),
            unless_none(self.again, "price", " may have come twice"),
            unless_none(self.rounded, "price", " rounded to 15 decimals"),
            unless_none(self.without_price, "line", " without a price"),
            unless_none(self.invalid, "bad line", " skipped"),
        )
    }
}

/// `1 price`, `1,000 prices`.
pub(super) fn count(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", HumanCount(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(0, "price"), "0 prices");
        assert_eq!(count(1, "price"), "1 price");
        assert_eq!(count(1_000, "price"), "1,000 prices");
    }
}
