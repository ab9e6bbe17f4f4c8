//! How a slow consumer gets what it did not take at once.

use super::{State, User};
use crate::{
    Feed, Message,
    delivery::{Delivered, Delivery},
    frames::Frames,
};
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

const TOO_SLOW: &str = "it did not read by the deadline";
const FAILED: &str = "its socket failed";
/// The pause after a socket said that it is ready, and took nothing.
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
            // Slow is allowed. A phone that takes a byte now and then gets the newest price of each
            // stock, and costs no more than one that takes nothing.
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

/// How far a user that lags has come.
enum Progress {
    /// It took nothing.
    None,
    /// It took something, and there is more.
    Some,
    /// There is nothing left to send.
    Done,
}

impl User {
    /// Gives a user that lags as much as it takes.
    fn catch_up(self: &Arc<Self>, delivery: &Arc<Delivery>) -> Progress {
        // Held from the look at what is owed to the end of the write: the fan-out must not write a newer
        // price in front of an older one.
        let mut state = self.lock();
        let mut progress = Progress::None;
        loop {
            // It was evicted, or its connection was dropped, while this task waited.
            let Some(lag) = &mut state.lag else {
                return Progress::Done;
            };
            // First what must not be skipped: the rest of a frame, whose user could not read the next
            // one, and replies.
            if !lag.unsent.is_empty() {
                match self.take(&lag.unsent) {
                    Ok(0) => return progress,
                    Ok(taken) => {
                        lag.unsent.drain(..taken);
                        progress = Progress::Some;
                        // There may be room for more; to wait instead would wake the task for each part.
                        continue;
                    }
                    Err(_) => {
                        self.evict(&mut state, delivery, FAILED);
                        return Progress::Done;
                    }
                }
            }
            // Only now what is newest: looked up before, it would be as old as the user is slow.
            let mut frames = Frames::default();
            let owed = state.owed(&mut frames, delivery);
            if owed.is_empty() {
                // Under the same lock as the look: from here on the fan-out writes to this user again,
                // so no price falls between this task and the fan-out.
                state.lag = None;
                self.shut_down_if_sent(&mut state);
                return Progress::Done;
            }
            let Ok(taken) = self.take(frames.bytes()) else {
                self.evict(&mut state, delivery, FAILED);
                return Progress::Done;
            };
            // A frame that was cut counts as sent, because its rest will be. The frames behind it do
            // not: by the time there is room, a newer price may have taken their place.
            let (begun, rest) = frames.begun(taken);
            state.mark_sent(&owed[..begun]);
            delivery.count(owed[..begun].iter().map(Owed::delivered));
            if taken < frames.bytes().len() {
                if let Some(lag) = &mut state.lag {
                    lag.unsent.extend_from_slice(rest);
                }
                return if taken == 0 { progress } else { Progress::Some };
            }
            // All was taken. A price may have come meanwhile, so the loop looks once more.
            progress = Progress::Some;
        }
    }
}

/// Something that a user is owed, and what changes when its message was begun.
pub(super) enum Owed {
    Status(Feed),
    StockStatus { at: usize, feed: Feed },
    Price { at: usize, seq: u64, missed: u64 },
}

impl Owed {
    fn delivered(&self) -> Delivered {
        match *self {
            Self::Price { missed, .. } => Delivered { prices: 1, missed },
            Self::Status(_) | Self::StockStatus { .. } => Delivered::default(),
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
            let message = Message::Status {
                feed: now,
                stock: None,
            };
            frames.push(encoder, &message);
            owed.push(Owed::Status(now));
        }
        for (at, subscription) in self.subscriptions.iter().enumerate() {
            let feed = subscription.channel.feed();
            // After "everything is live" a user must be told again which stocks are not.
            if subscription.last_status != feed
                || (news && now == Feed::Live && feed == Feed::Stale)
            {
                let stock = Some(&subscription.channel.stock);
                frames.push(encoder, &Message::Status { feed, stock });
                owed.push(Owed::StockStatus { at, feed });
            }
        }
        owed
    }

    /// The newest of everything that the user does not have: a status, and one price a stock.
    fn owed(&self, frames: &mut Frames, delivery: &Delivery) -> Vec<Owed> {
        if !self.is_open() {
            return Vec::new();
        }
        let mut owed = self.owed_status(frames, delivery);
        for (at, subscription) in self.subscriptions.iter().enumerate() {
            let (seq, newest) = {
                let channel = subscription.channel.lock();
                (channel.seq, channel.last)
            };
            if let Some(price) = newest.filter(|_| subscription.last_seq < seq) {
                let missed = seq - subscription.last_seq - 1;
                let message = Message::Price {
                    stock: &subscription.channel.stock,
                    price: &price,
                    last: false,
                    missed,
                };
                frames.push(delivery.encoder(), &message);
                owed.push(Owed::Price { at, seq, missed });
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
