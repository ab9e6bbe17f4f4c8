//! The counts of the play: its last lines.

use std::fmt;

/// What went wrong, counted when it was seen.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Scenes whose fault was really there.
    pub faults: usize,
    /// Prices of stocks to which no server was subscribed when they were published.
    pub lost: usize,
    /// Copies of a price beyond a user's first.
    pub twice: usize,
    /// Messages that were sent to a user and are not prices.
    pub invalid_messages: usize,
    /// Stocks to which no user can be subscribed until the process ends.
    pub lost_stocks: usize,
    /// Entries of the manager's map without users.
    pub dead_entries: usize,
}

impl Verdict {
    /// What went wrong in numbers, one line for each.
    pub(crate) fn counts(&self) -> String {
        let lines = [
            (
                self.lost,
                "price that no one received",
                "prices that no one received",
            ),
            (self.twice, "price sent twice", "prices sent twice"),
            (
                self.invalid_messages,
                "message sent that was not a price",
                "messages sent that were not prices",
            ),
            (
                self.lost_stocks,
                "stock that can never be subscribed again",
                "stocks that can never be subscribed again",
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
