//! What the play has counted: its last lines.

use std::fmt;

/// What went wrong, counted as it was seen.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Scenes whose fault was really there.
    pub faults: usize,
    /// Prices that no server was subscribed to when they came.
    pub lost: usize,
    /// Copies of a price beyond a user's first.
    pub twice: usize,
    /// Messages that reached a user and were no price.
    pub no_price: usize,
    /// Stocks that no one can follow until the process ends.
    pub lost_stocks: usize,
    /// Entries of the manager's map that no user stands behind.
    pub dead_entries: usize,
}

impl Verdict {
    /// What went wrong besides, a line each.
    pub(crate) fn counts(&self) -> String {
        let lines = [
            (
                self.lost,
                "price that no one received",
                "prices that no one received",
            ),
            (self.twice, "price sent twice", "prices sent twice"),
            (
                self.no_price,
                "message sent that was no price",
                "messages sent that were no price",
            ),
            (
                self.lost_stocks,
                "stock that can never be followed again",
                "stocks that can never be followed again",
            ),
            (
                self.dead_entries,
                "dead entry in the manager's map",
                "dead entries in the manager's map",
            ),
        ];
        let lines = lines.map(|(count, one, more)| {
            let what = if count == 1 { one } else { more };
            format!("{count:>5}  {what}\n")
        });
        lines.concat()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults {
            1 => write!(f, "verdict: 1 fault in one manager"),
            faults => write!(f, "verdict: {faults} faults in one manager"),
        }
    }
}
