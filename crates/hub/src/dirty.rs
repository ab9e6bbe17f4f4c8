//! Which stocks a manager has to compare.

use crate::Stock;
use parking_lot::Mutex;
use std::collections::HashSet;
use tokio::sync::Notify;

/// Stocks whose first user subscribed or whose last user unsubscribed: not what changed, only which
/// stocks to compare.
///
/// A hub has one of its own. A manager that spreads its stocks over several connections gives each
/// of them a `Dirty`, and marks there what it takes from the hub's.
#[derive(Debug, Default)]
pub struct Dirty {
    /// Users' tasks write it, the manager's task takes it. A leaf: no other lock is taken under it.
    stocks: Mutex<HashSet<Stock>>,
    /// Wakes the one task that waits in [`changed`](Self::changed). A mark while that task is busy stays
    /// as a permit, so the task compares once more before it waits.
    changed: Notify,
}

impl Dirty {
    /// Adds a stock, and wakes the task that waits.
    pub fn mark(&self, stock: Stock) {
        self.stocks.lock().insert(stock);
        self.changed.notify_one();
    }

    /// Removes and returns the stocks that were marked since the last call.
    pub fn take(&self) -> HashSet<Stock> {
        std::mem::take(&mut *self.stocks.lock())
    }

    /// The same as [`take`](Self::take), without removing them.
    pub fn peek(&self) -> Vec<Stock> {
        self.stocks.lock().iter().copied().collect()
    }

    /// Waits for a mark. Only one task at a time may wait. It may return although the marked stocks have
    /// been taken meanwhile.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
