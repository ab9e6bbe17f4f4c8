//! Where a manager has to look.

use crate::Stock;
use parking_lot::Mutex;
use std::collections::HashSet;
use tokio::sync::Notify;

/// Stocks whose first user came or whose last user left: not what changed, only where to compare.
///
/// A hub has one of its own. A manager that spreads its stocks over several connections gives each
/// of them a `Dirty`, and marks there what it takes from the hub's.
#[derive(Debug, Default)]
pub struct Dirty {
    /// Users' tasks write it, the manager's task takes it. A leaf: no other lock is taken under it.
    stocks: Mutex<HashSet<Stock>>,
    /// Wakes the one task that waits in [`changed`](Self::changed); a mark while that task works is
    /// a permit, so the task looks once more before it waits.
    changed: Notify,
}

impl Dirty {
    /// Says that this stock has to be looked at.
    pub fn mark(&self, stock: Stock) {
        self.stocks.lock().insert(stock);
        self.changed.notify_one();
    }

    /// The stocks that were marked since this was called before.
    pub fn take(&self) -> HashSet<Stock> {
        std::mem::take(&mut *self.stocks.lock())
    }

    /// What [`take`](Self::take) would return.
    pub fn peek(&self) -> Vec<Stock> {
        self.stocks.lock().iter().copied().collect()
    }

    /// Waits for a mark. One task at a time may wait; it may also return although what was marked
    /// has been taken since.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
