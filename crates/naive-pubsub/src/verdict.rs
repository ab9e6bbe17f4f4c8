//! What the play has counted: its last line.

use std::fmt;

/// What went wrong, counted as it was seen.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Scenes whose fault was really there.
    pub faults: usize,
    /// Prices that no server was subscribed to when they came.
    pub unheard: usize,
    /// Copies of a price beyond a user's first.
    pub twice: usize,
    /// Messages that reached a user and were no price.
    pub no_price: usize,
    /// Stocks that no one can follow until the process ends.
    pub lost_stocks: usize,
    /// Entries of the manager's map that no user stands behind.
    pub dead_entries: usize,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = many(self.faults, "fault", "faults");
        let unheard = many(self.unheard, "price", "prices");
        let Self {
            twice, no_price, ..
        } = self;
        let stocks = many(self.lost_stocks, "stock", "stocks");
        let dead = many(self.dead_entries, "dead entry", "dead entries");
        write!(
            f,
            "verdict: {faults} in one manager; {unheard} nobody heard, {twice} sent twice, \
             {no_price} sent that was no price, {stocks} that can never be followed again, \
             {dead} in its map"
        )
    }
}

fn many(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
