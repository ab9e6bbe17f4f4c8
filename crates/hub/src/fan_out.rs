//! One price to many users, a slice of them at a time.
//!
//! Prices that wait together leave together: encoded once, in one write for each user. The loop is
//! cut into slices of [`SLICE`] users, so that a price for a million users delays no other task:
//! between two slices the broker is read, users join, and other stocks have their turn.

use crate::{
    Event, Hub, Message, Price, Stock,
    channel::Channel,
    frames::Frames,
    user::{Batch, User},
};
use std::{collections::VecDeque, sync::Arc};

/// How many users are written to before other tasks run: at a few microseconds a write to a socket,
/// some two milliseconds.
pub(crate) const SLICE: usize = 256;

/// What is to be sent, in turn.
#[derive(Default)]
pub(crate) struct FanOut {
    jobs: VecDeque<Job>,
    /// The users of one slice; kept for its memory only.
    slice: Vec<Arc<User>>,
}

enum Job {
    /// A stock's prices. A stock has one job at most, so its prices keep their order.
    Prices(Stock, Option<Cursor>),
    /// The status of the whole feed, to all users; the number is how many are still to be sent it.
    Status(usize),
    /// The status of one stock, to its users.
    StockStatus(Arc<Channel>, usize),
}

/// Prices on their way through a stock's users.
struct Cursor {
    channel: Arc<Channel>,
    batch: Batch,
    /// Users up to here are still to be sent the batch; a cursor goes from the end to the front.
    end: usize,
}

impl FanOut {
    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The whole feed has become live or stale.
    pub(crate) fn status(&mut self) {
        self.jobs.push_back(Job::Status(usize::MAX));
    }

    /// One stock has become live or stale.
    pub(crate) fn stock_status(&mut self, channel: Arc<Channel>) {
        self.jobs.push_back(Job::StockStatus(channel, usize::MAX));
    }

    /// Writes to one slice of users, and returns how many that were.
    pub(crate) fn run_slice(&mut self, hub: &Arc<Hub>) -> usize {
        let new = hub.pending.take_new().into_iter();
        self.jobs.extend(new.map(|stock| Job::Prices(stock, None)));
        let mut left = SLICE;
        while left > 0
            && let Some(job) = self.jobs.pop_front()
        {
            match job {
                Job::Prices(stock, cursor) => left -= self.send_prices(stock, cursor, left, hub),
                Job::Status(end) => {
                    let end = hub.users.lock().slice(end, left, &mut self.slice);
                    left -= self.send_status(hub);
                    if end > 0 {
                        self.jobs.push_back(Job::Status(end));
                    }
                }
                Job::StockStatus(channel, end) => {
                    let end = channel.lock().users.slice(end, left, &mut self.slice);
                    left -= self.send_status(hub);
                    if end > 0 {
                        self.jobs.push_back(Job::StockStatus(channel, end));
                    }
                }
            }
        }
        SLICE - left
    }

    fn send_prices(
        &mut self,
        stock: Stock,
        cursor: Option<Cursor>,
        most: usize,
        hub: &Arc<Hub>,
    ) -> usize {
        let mut cursor = cursor.or_else(|| self.begin(stock, hub));
        let mut sent = 0;
        if let Some(Cursor {
            channel,
            batch,
            end,
        }) = &mut cursor
        {
            // The lock is held to copy handles only: a user's lock comes before a channel's.
            *end = channel.lock().users.slice(*end, most, &mut self.slice);
            sent = self.slice.len();
            let users = self.slice.drain(..);
            hub.count(users.map(|user| user.send_batch(channel, batch, hub)));
        }
        let cursor = cursor.filter(|cursor| cursor.end > 0);
        if cursor.is_some() || !hub.pending.finish(stock) {
            self.jobs.push_back(Job::Prices(stock, cursor));
        }
        sent
    }

    fn send_status(&mut self, hub: &Arc<Hub>) -> usize {
        let sent = self.slice.len();
        for user in self.slice.drain(..) {
            user.send_status(hub);
        }
        sent
    }

    /// Makes one batch of all that waits; none if the stock has no users.
    fn begin(&mut self, stock: Stock, hub: &Hub) -> Option<Cursor> {
        let pending = hub.pending.take(stock);
        let channel = hub.channels.get(&stock)?;
        // What cannot be relayed must not leave users with an old price that is called live.
        if channel.set_invalid(pending.invalid) {
            self.stock_status(Arc::clone(&channel));
        }
        let (prices, dropped) = (pending.prices, pending.dropped);
        let newest = prices.back().copied()?;
        let (before, end) = {
            let mut state = channel.lock();
            let before = state.seq;
            state.seq += dropped + prices.len() as u64;
            state.last = Some(newest);
            (before, state.users.len())
        };
        hub.emit(|| relayed(stock, newest, end));
        if end == 0 {
            return None;
        }
        let mut frames = Frames::default();
        for (at, price) in prices.iter().enumerate() {
            let message = Message::Price {
                stock: &stock,
                price,
                last: false,
                missed: if at == 0 { dropped } else { 0 },
            };
            frames.push(hub.encoder(), &message);
        }
        let batch = Batch {
            before,
            dropped,
            newest,
            frames,
        };
        Some(Cursor {
            channel,
            batch,
            end,
        })
    }
}

fn relayed(stock: Stock, price: Price, users: usize) -> Event {
    Event::Relayed {
        stock,
        price,
        users,
    }
}
