//! One price to many users, a slice of them at a time.
//!
//! Prices that are pending together are sent together: encoded once, in one write for each user. The
//! loop is cut into slices of [`SLICE`] users, so that a price for a million users delays no other task:
//! between two slices the broker is read, users subscribe, and other stocks have their turn.

use crate::{
    FeedMessage, HubEvent, Price, Stock,
    channel::Left,
    frames::Frames,
    pending::{Pending, Received},
    registry::Registry,
    user::{Batch, User, UserChannel},
};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::task::yield_now;

/// How many users are written to before other tasks run: about two milliseconds, at some eight
/// microseconds for a write to a socket.
const SLICE: usize = 256;

/// What is to be sent, and the loop that sends it.
pub(crate) struct FanOut {
    registry: Arc<Registry>,
    /// Prices on their way from the broker to the jobs.
    pub(crate) pending: Pending,
    /// The loop holds it while it writes a slice to users' sockets; the manager's task adds the job of a
    /// status. It is the first in the order of locks.
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    /// The users of one slice, empty between slices; a field so that its memory is reused.
    slice: Vec<Arc<User>>,
}

enum Job {
    /// A stock's prices. A stock has one job at most, so its prices keep their order.
    Prices(Stock, Option<Cursor>),
    /// The status of the whole feed, to all users; the number is how many are still to be sent it.
    Status(usize),
    /// The status of one stock, to its users.
    StockStatus(Arc<UserChannel>, Left),
}

/// Prices on their way through a stock's users.
struct Cursor {
    channel: Arc<UserChannel>,
    batch: Batch,
    /// Which users are still to be sent the batch; a cursor goes from the end of a list to the front.
    left: Left,
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
        self.add(Job::StockStatus(channel, Left::ALL));
    }

    fn add(&self, job: Job) {
        self.jobs.lock().queue.push_back(job);
        self.pending.changed.notify_one();
    }

    /// Sends what waits, until the task that calls it is dropped.
    pub(crate) async fn run(&self) {
        // Counted over several slices: a price for one user is a slice of one, and the next price may
        // be pending when it is sent. If each slice began at 0, such a stream would never yield, and the
        // broker's task, which runs in the same thread, would not read.
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
                Job::StockStatus(channel, mut users) => {
                    channel.lock().slice(&mut users, left, &mut self.slice);
                    left -= self.send_status(of);
                    if !users.is_none() {
                        self.queue.push_back(Job::StockStatus(channel, users));
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
            left,
        }) = &mut cursor
        {
            // The channel is locked only while handles are copied: the order of locks is user, channel.
            channel.lock().slice(left, most, &mut self.slice);
            sent = self.slice.len();
            let delivery = &of.registry.delivery;
            let users = self.slice.drain(..);
            let delivered = users.map(|user| user.send_batch(channel, batch, delivery));
            delivery.count(batch.received, delivered);
        }
        let cursor = cursor.filter(|cursor| !cursor.left.is_none());
        // There is more to send: the rest of this batch, or prices that came while it was sent. The job
        // goes to the end of the queue; otherwise a stock with a million users would delay all others.
        // `finish` ends the job under the lock of the pending prices: a price that comes after it finds
        // no job, and asks for one.
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

    /// Makes one batch of all pending prices of a stock; none if the stock has no users.
    fn begin(&mut self, stock: Stock, of: &FanOut) -> Option<Cursor> {
        let pending = of.pending.take(stock);
        let delivery = &of.registry.delivery;
        // Prices still come after the last user has unsubscribed, until the broker confirms the
        // server's unsubscribe. They do not count as missed, because no user misses them; a user that
        // subscribes now begins with the next price.
        let channel = of.registry.channels.get(&stock)?;
        // An invalid message is not relayed, so without the status users would take the price before it
        // for the newest.
        let is_message = pending.invalid || !pending.prices.is_empty();
        if is_message && channel.set_invalid(pending.invalid) {
            let job = Job::StockStatus(Arc::clone(&channel), Left::ALL);
            self.queue.push_back(job);
        }
        let (mut prices, dropped) = (pending.prices, pending.dropped);
        let is_stored = pending.stored.is_some();
        // A stored price waits alone.
        prices.extend(pending.stored);
        // There is none if only invalid messages came.
        let (oldest, newest) = (*prices.front()?, *prices.back()?);
        let (before, stored_seq, users, left) = {
            let mut state = channel.lock();
            // A price was relayed before the stored one was read: that one is as new or newer. Only the
            // fan-out writes these fields, so no price can come between this look and the writes.
            if is_stored && state.last.is_some() {
                return None;
            }
            let before = state.seq;
            state.seq += dropped + prices.len() as u64;
            state.last = Some(newest);
            if is_stored {
                state.stored_seq = state.seq;
            }
            let left = state.to_visit(is_stored);
            (before, state.stored_seq, state.users(), left)
        };
        delivery.emit(|| sent(stock, newest.price, is_stored, users));
        // Users with a pace are sent it in their turn. And a channel without users is kept, with its last price,
        // until the broker has confirmed the unsubscribe.
        if left.is_none() {
            return None;
        }
        let mut frames = Frames::default();
        for (at, Received { price, .. }) in prices.iter().enumerate() {
            let message = FeedMessage::Price {
                stock: &stock,
                price,
                last: is_stored,
                missed: if at == 0 { dropped } else { 0 },
            };
            frames.push(delivery.encoder(), &message);
        }
        let batch = Batch {
            before,
            dropped,
            stored_seq,
            newest: newest.price,
            received: oldest.at,
            frames,
        };
        Some(Cursor {
            channel,
            batch,
            left,
        })
    }
}

fn sent(stock: Stock, price: Price, is_stored: bool, users: usize) -> HubEvent {
    if is_stored {
        HubEvent::LastPrice {
            stock,
            price,
            users,
        }
    } else {
        HubEvent::Relayed {
            stock,
            price,
            users,
        }
    }
}
