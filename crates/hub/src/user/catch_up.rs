//! How a slow consumer gets what its socket did not take.

use super::{State, User};
use crate::{
    Feed, FeedMessage,
    channel::missed,
    delivery::{Delivered, Delivery},
    frames::Frames,
    pace::Mode,
    pending::Received,
};
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

const TOO_SLOW: &str = "it did not read by the deadline";
const FAILED: &str = "its socket failed";
/// The pause after a socket was ready and took nothing.
const PAUSE: Duration = Duration::from_millis(10);

/// Brings one user that lags up to date, then ends. It exists only while the user lags.
pub(super) async fn run(user: Arc<User>, delivery: Arc<Delivery>) {
    let guard = EvictAfterPanic(user, delivery);
    let EvictAfterPanic(user, delivery) = &guard;
    let mut deadline = Instant::now() + delivery.slow_consumer_timeout();
    loop {
        match timeout_at(deadline, poll_fn(|cx| user.socket.poll_ready(cx))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return user.evict(&mut user.lock(), delivery, FAILED),
            Err(_) => return user.evict(&mut user.lock(), delivery, TOO_SLOW),
        }
        match user.catch_up(delivery) {
            Progress::Done => return,
            // Slow is allowed: a phone that takes a byte now and then gets the newest price of each stock,
            // and costs no more than one that takes nothing.
            Progress::Some => deadline = Instant::now() + delivery.slow_consumer_timeout(),
            // A socket that is always ready never lets the timeout above fire.
            Progress::None if deadline <= Instant::now() => {
                return user.evict(&mut user.lock(), delivery, TOO_SLOW);
            }
            // The kernel may call a socket ready and then take nothing. Without a pause such a socket
            // would keep this task, and the thread of all users, busy until the deadline.
            Progress::None => sleep(PAUSE).await,
        }
    }
}

/// A panic in the caller's socket ends this task only. Without the guard its user would stay
/// connected, lag, and never be written to again.
struct EvictAfterPanic(Arc<User>, Arc<Delivery>);

impl Drop for EvictAfterPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(user, delivery) = self;
            user.evict(&mut user.lock(), delivery, "its socket panicked");
        }
    }
}

/// What one attempt to catch up has achieved.
enum Progress {
    /// The socket took nothing.
    None,
    /// The socket took something, and there is more.
    Some,
    /// Everything is sent, or the user is gone.
    Done,
}

impl User {
    /// Gives a user that lags as much as it takes.
    fn catch_up(self: &Arc<Self>, delivery: &Arc<Delivery>) -> Progress {
        // Held from reading what is owed to the end of the write: the fan-out must not write a newer
        // price before an older one.
        let mut state = self.lock();
        let mut progress = Progress::None;
        loop {
            // It was evicted, or its connection was dropped, while this task waited.
            let Some(lag) = &mut state.lag else {
                return Progress::Done;
            };
            // First what must not be skipped: replies, and the rest of a frame that was cut, without which
            // the user could not read the next one.
            if !lag.unsent.is_empty() {
                match self.take(&lag.unsent) {
                    Ok(0) => return progress,
                    Ok(taken) => {
                        lag.unsent.drain(..taken);
                        progress = Progress::Some;
                        // There may be room for more, and waiting would cost a wake-up for each part.
                        continue;
                    }
                    Err(_) => {
                        self.evict(&mut state, delivery, FAILED);
                        return Progress::Done;
                    }
                }
            }
            // The newest price is looked up only now, when there is room for it: an earlier one would be as
            // old as the user is slow.
            let mut frames = Frames::default();
            let owed = state.owed_while_lagging(&mut frames, delivery);
            if owed.is_empty() {
                // Under the same lock as reading what is owed: from here on the fan-out writes to this
                // user again, so no price is lost between this task and the fan-out.
                state.lag = None;
                self.shut_down_if_sent(&mut state);
                return Progress::Done;
            }
            let Ok(taken) = self.take(frames.bytes()) else {
                self.evict(&mut state, delivery, FAILED);
                return Progress::Done;
            };
            // A frame that was cut counts as sent, because its rest will be sent. The frames after it do
            // not count: a newer price may replace them by the time there is room.
            let (begun, rest) = frames.begun(taken);
            state.mark_sent(&owed[..begun]);
            delivery.count_write(owed[..begun].iter().filter_map(Owed::delivered));
            if taken < frames.bytes().len() {
                if let Some(lag) = &mut state.lag {
                    lag.unsent.extend_from_slice(rest);
                }
                return if taken == 0 { progress } else { Progress::Some };
            }
            // All was taken. A price may have come meanwhile, so the loop checks once more.
            progress = Progress::Some;
        }
    }
}

/// Something that a user is owed, and what to change in its state when its message was begun.
pub(super) enum Owed {
    Status(Feed),
    StockStatus {
        at: usize,
        feed: Feed,
    },
    Price {
        at: usize,
        seq: u64,
        missed: u64,
        /// When this server received it.
        received: Instant,
        /// Whether it is the stored price, which counts no more as a delivery than the last price that a
        /// user is sent when it subscribes.
        last: bool,
    },
}

impl Owed {
    /// What counts as delivered, and when this server received it.
    pub(super) fn delivered(&self) -> Option<(Instant, Delivered)> {
        match *self {
            Self::Price {
                missed,
                received,
                last: false,
                ..
            } => Some((received, Delivered { prices: 1, missed })),
            Self::Price { .. } | Self::Status(_) | Self::StockStatus { .. } => None,
        }
    }
}

impl State {
    pub(super) fn owed_status(&self, frames: &mut Frames, delivery: &Delivery) -> Vec<Owed> {
        let mut owed = Vec::new();
        let encoder = delivery.encoder();
        let now = delivery.feed();
        let news = self.last_status != Some(now);
        if news {
            let message = FeedMessage::Status {
                feed: now,
                stock: None,
            };
            frames.push(encoder, &message);
            owed.push(Owed::Status(now));
        }
        for (at, subscription) in self.subscriptions.iter().enumerate() {
            let feed = subscription.channel.feed();
            // `live` without a stock is about all stocks, so those that are stale must be named again.
            if subscription.last_status != feed
                || (news && now == Feed::Live && feed == Feed::Stale)
            {
                let stock = Some(&subscription.channel.stock);
                frames.push(encoder, &FeedMessage::Status { feed, stock });
                owed.push(Owed::StockStatus { at, feed });
            }
        }
        owed
    }

    /// What the task of a user that lags sends it. To a user with a pace it sends no prices: those come in its
    /// next turn, or a socket that is full now and then would be sent more of them than one that is not. When the
    /// hub ends there is no next turn, and it gets what it lacks now.
    fn owed_while_lagging(&self, frames: &mut Frames, delivery: &Delivery) -> Vec<Owed> {
        if self.mode == Mode::Paced && self.is_open() && !delivery.is_ending() {
            self.owed_status(frames, delivery)
        } else {
            self.owed(frames, delivery)
        }
    }

    /// The newest of everything that the user does not have: a status, and one price a stock.
    pub(super) fn owed(&self, frames: &mut Frames, delivery: &Delivery) -> Vec<Owed> {
        if !self.is_open() {
            return Vec::new();
        }
        let mut owed = self.owed_status(frames, delivery);
        for (at, subscription) in self.subscriptions.iter().enumerate() {
            let (seq, stored_seq, newest) = {
                let channel = subscription.channel.lock();
                (channel.seq, channel.stored_seq, channel.last)
            };
            if let Some(Received {
                price,
                at: received,
            }) = newest.filter(|_| subscription.last_seq < seq)
            {
                let last = seq == stored_seq;
                let missed = missed(subscription.last_seq, seq, stored_seq);
                let message = FeedMessage::Price {
                    stock: &subscription.channel.stock,
                    price: &price,
                    last,
                    missed,
                };
                frames.push(delivery.encoder(), &message);
                owed.push(Owed::Price {
                    at,
                    seq,
                    missed,
                    received,
                    last,
                });
            }
        }
        owed
    }

    pub(super) fn mark_sent(&mut self, begun: &[Owed]) {
        for owed in begun {
            match *owed {
                Owed::Status(feed) => self.last_status = Some(feed),
                Owed::StockStatus { at, feed } => self.subscriptions[at].last_status = feed,
                Owed::Price { at, seq, .. } => self.subscriptions[at].last_seq = seq,
            }
        }
    }
}
