//! One price to many users, a slice of them at a time.
//!
//! Prices that wait together leave together: encoded once, in one write for each user. The loop is
//! cut into slices of [`SLICE`] users, so that a price for a million users delays no other task:
//! between two slices the broker is read, users subscribe, and other stocks have their turn.

use crate::{
    Event, Message, Price, Stock,
    frames::Frames,
    pending::Pending,
    registry::Registry,
    user::{Batch, User, UserChannel},
};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::task::yield_now;

/// How many users are written to before other tasks run: at a few microseconds a write to a socket,
/// some two milliseconds.
const SLICE: usize = 256;

/// What is to be sent, and the loop that sends it.
pub(crate) struct FanOut {
    registry: Arc<Registry>,
    /// Prices on their way from the broker to the jobs.
    pub(crate) pending: Pending,
    /// The loop holds it while it writes a slice to users' sockets; the manager's task adds a status.
    /// It is the first of all locks.
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    /// The users of one slice; kept for its memory only.
    slice: Vec<Arc<User>>,
}

enum Job {
    /// A stock's prices. A stock has one job at most, so its prices keep their order.
    Prices(Stock, Option<Cursor>),
    /// The status of the whole feed, to all users; the number is how many are still to be sent it.
    Status(usize),
    /// The status of one stock, to its users.
    StockStatus(Arc<UserChannel>, usize),
}

/// Prices on their way through a stock's users.
struct Cursor {
    channel: Arc<UserChannel>,
    batch: Batch,
    /// Users up to here are still to be sent the batch; a cursor goes from the end to the front.
    end: usize,
}

impl FanOut {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            pending: Pending::default(),
            jobs: Mutex::default(),
        }
    }

    /// The whole feed has become live or stale.
    pub(crate) fn feed_changed(&self) {
        self.add(Job::Status(usize::MAX));
    }

    /// One stock has become live or stale.
    pub(crate) fn stock_changed(&self, channel: Arc<UserChannel>) {
        self.add(Job::StockStatus(channel, usize::MAX));
    }

    fn add(&self, job: Job) {
        self.jobs.lock().queue.push_back(job);
        self.pending.changed.notify_one();
    }

    /// Sends what waits, until the task that calls it is dropped.
    pub(crate) async fn run(&self) {
        // It outlives a slice: a price for one user at a time is a slice of one, and the next price
        // is there when that is sent. Counted anew for each, such a stream would never yield, and
        // the broker's task, which runs in the same thread, would not read.
        let mut sent = 0;
        loop {
            let is_idle = {
                let mut jobs = self.jobs.lock();
                sent += jobs.run_slice(self);
                jobs.queue.is_empty()
            };
            if sent >= SLICE {
                sent = 0;
                yield_now().await;
            }
            if is_idle {
                self.pending.changed.notified().await;
            }
        }
    }

    /// Sends a slice of what waits, and returns to how many users.
    pub(crate) fn run_slice(&self) -> usize {
        self.jobs.lock().run_slice(self)
    }

    /// Sends what waits now, and returns.
    pub(crate) async fn flush(&self) {
        while self.run_slice() > 0 {
            yield_now().await;
        }
    }
}

impl Jobs {
    fn run_slice(&mut self, of: &FanOut) -> usize {
        let new = of.pending.take_new().into_iter();
        self.queue.extend(new.map(|stock| Job::Prices(stock, None)));
        let mut left = SLICE;
        while left > 0
            && let Some(job) = self.queue.pop_front()
        {
            match job {
                Job::Prices(stock, cursor) => left -= self.send_prices(stock, cursor, left, of),
                Job::Status(end) => {
                    let end = of.registry.users.lock().slice(end, left, &mut self.slice);
                    left -= self.send_status(of);
                    if end > 0 {
                        self.queue.push_back(Job::Status(end));
                    }
                }
                Job::StockStatus(channel, end) => {
                    let end = channel.lock().users.slice(end, left, &mut self.slice);
                    left -= self.send_status(of);
                    if end > 0 {
                        self.queue.push_back(Job::StockStatus(channel, end));
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
        of: &FanOut,
    ) -> usize {
        let mut cursor = cursor.or_else(|| self.begin(stock, of));
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
            let delivery = &of.registry.delivery;
            let users = self.slice.drain(..);
            delivery.count(users.map(|user| user.send_batch(channel, batch, delivery)));
        }
        let cursor = cursor.filter(|cursor| cursor.end > 0);
        // The rest of this batch, or what came while it was sent. The job goes to the end of the
        // queue: a stock with a million users would otherwise keep all others waiting. And it is
        // `finish` that ends it, under the lock of what waits: a price that comes after that look
        // finds no job and asks for one.
        if cursor.is_some() || !of.pending.finish(stock) {
            self.queue.push_back(Job::Prices(stock, cursor));
        }
        sent
    }

    fn send_status(&mut self, of: &FanOut) -> usize {
        let sent = self.slice.len();
        for user in self.slice.drain(..) {
            user.send_status(&of.registry.delivery);
        }
        sent
    }

    /// Makes one batch of all that waits; none if the stock has no users.
    fn begin(&mut self, stock: Stock, of: &FanOut) -> Option<Cursor> {
        let pending = of.pending.take(stock);
        let delivery = &of.registry.delivery;
        // Between the last user's leaving and the broker's confirming it, prices still come. They
        // are not missed: `missed` counts what a user was told that it missed, and there is no
        // user. One that subscribes now begins with the next price.
        let channel = of.registry.channels.get(&stock)?;
        // What cannot be relayed must not leave users with an old price that is called live.
        if channel.set_invalid(pending.invalid) {
            let job = Job::StockStatus(Arc::clone(&channel), usize::MAX);
            self.queue.push_back(job);
        }
        let (prices, dropped) = (pending.prices, pending.dropped);
        // Only messages that were not prices came.
        let newest = prices.back().copied()?;
        let (before, end) = {
            let mut state = channel.lock();
            let before = state.seq;
            state.seq += dropped + prices.len() as u64;
            state.last = Some(newest);
            (before, state.users.len())
        };
        delivery.emit(|| relayed(stock, newest, end));
        // The channel is kept for its last price until the broker has confirmed that it is left.
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
            frames.push(delivery.encoder(), &message);
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
