//! Prices that wait for the fan-out, bounded for each stock.

use crate::{Price, Stock};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use tokio::{sync::Notify, time::Instant};

/// How many prices of a stock may wait; older ones are dropped and count as missed.
pub(crate) const MAX_PENDING_PRICES: usize = 64;

/// What came from the broker and is not fanned out yet.
#[derive(Default)]
pub(crate) struct Pending {
    /// The broker's own task writes it, and the fan-out takes from it. It has a lock of its own because
    /// the broker's task must not wait while the fan-out writes to sockets. The lock is held for a few
    /// instructions, and no other is taken under it.
    state: Mutex<State>,
    /// Wakes the fan-out, the one task that waits for it: a stock needs a job, or a job was added.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    /// A stock is in this map from its first price until the fan-out has sent its last one.
    stocks: HashMap<Stock, Prices>,
    /// Stocks that the fan-out has no job for yet.
    new: Vec<Stock>,
}

/// Prices of one stock, oldest first.
#[derive(Default)]
pub(crate) struct Prices {
    pub(crate) prices: VecDeque<Received>,
    /// How many were dropped in front of these.
    pub(crate) dropped: u64,
    /// Whether the newest message was not a price.
    pub(crate) invalid: bool,
    /// The last price that the broker had stored when this server subscribed; only as long as no other
    /// price of the stock waits.
    pub(crate) stored: Option<Received>,
}

/// A price, and when this server received it.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    pub(crate) price: Price,
    pub(crate) at: Instant,
}

impl Received {
    fn now(price: Price) -> Self {
        let at = Instant::now();
        Self { price, at }
    }
}

impl Pending {
    pub(crate) fn price(&self, stock: Stock, price: Price) {
        let received = Received::now(price);
        self.with(stock, |pending| {
            if pending.prices.len() == MAX_PENDING_PRICES {
                pending.prices.pop_front();
                pending.dropped += 1;
            }
            pending.prices.push_back(received);
            pending.invalid = false;
            // It was published after the stored one, which is of no use to anybody now.
            pending.stored = None;
        });
    }

    /// Keeps a stored price unless another one waits: that one is newer, or the stored price itself. The
    /// look and the entry are under one lock, so no price can come in between and be sent first.
    pub(crate) fn stored(&self, stock: Stock, price: Price) {
        let received = Received::now(price);
        self.with(stock, |pending| {
            if pending.prices.is_empty() {
                pending.stored = Some(received);
            }
        });
    }

    pub(crate) fn invalid(&self, stock: Stock) {
        self.with(stock, |pending| pending.invalid = true);
    }

    fn with(&self, stock: Stock, change: impl FnOnce(&mut Prices)) {
        let mut state = self.state.lock();
        let State { stocks, new } = &mut *state;
        let pending = stocks.entry(stock).or_insert_with(|| {
            // The fan-out takes the whole list when it wakes, so the second stock need not wake it.
            // A stock that has a job need not either: the job looks here before it ends.
            if new.is_empty() {
                self.changed.notify_one();
            }
            new.push(stock);
            Prices::default()
        });
        change(pending);
    }

    /// The stocks that need a job.
    pub(crate) fn take_new(&self) -> Vec<Stock> {
        std::mem::take(&mut self.state.lock().new)
    }

    /// Takes the pending prices of a stock that has a job.
    pub(crate) fn take(&self, stock: Stock) -> Prices {
        let mut state = self.state.lock();
        state
            .stocks
            .get_mut(&stock)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Ends a stock's job if nothing of it waits, and returns whether it did. Both happen under one lock:
    /// otherwise a price in between would find the job, and the job, which ends, not the price.
    pub(crate) fn finish(&self, stock: Stock) -> bool {
        let mut state = self.state.lock();
        let finished = state.stocks.get(&stock).is_none_or(|pending| {
            pending.prices.is_empty() && !pending.invalid && pending.stored.is_none()
        });
        if finished {
            state.stocks.remove(&stock);
        }
        finished
    }
}
