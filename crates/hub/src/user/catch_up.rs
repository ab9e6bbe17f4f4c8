//! How a slow consumer gets what it did not take at once.

use super::{Delivered, State, User};
use crate::{Feed, Hub, Message, frames::Frames};
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

const TOO_SLOW: &str = "it did not read by the deadline";
const FAILED: &str = "its socket failed";
/// The pause after a socket said that it is ready, and took nothing.
const PAUSE: Duration = Duration::from_millis(10);

/// Brings one user that lags up to date, then ends. It exists only while the user lags.
pub(super) async fn run(user: Arc<User>, hub: Arc<Hub>) {
    let guard = EvictAfterPanic(user, hub);
    let EvictAfterPanic(user, hub) = &guard;
    let mut deadline = Instant::now() + hub.drain_deadline();
    loop {
        match timeout_at(deadline, poll_fn(|cx| user.socket.poll_ready(cx))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return user.evict(&mut user.lock(), hub, FAILED),
            Err(_) => return user.evict(&mut user.lock(), hub, TOO_SLOW),
        }
        match user.catch_up(hub) {
            Progress::Done => return,
            Progress::Some => deadline = Instant::now() + hub.drain_deadline(),
            Progress::None if deadline <= Instant::now() => {
                return user.evict(&mut user.lock(), hub, TOO_SLOW);
            }
            Progress::None => sleep(PAUSE).await,
        }
    }
}

/// A panic in the caller's socket ends this task only. Without the guard its user would stay
/// connected, lag, and never be written to again.
struct EvictAfterPanic(Arc<User>, Arc<Hub>);

impl Drop for EvictAfterPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(user, hub) = self;
            user.evict(&mut user.lock(), hub, "its socket panicked");
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
    fn catch_up(self: &Arc<Self>, hub: &Arc<Hub>) -> Progress {
        let mut state = self.lock();
        let mut progress = Progress::None;
        loop {
            let Some(lag) = &mut state.lag else {
                return Progress::Done;
            };
            if !lag.unsent.is_empty() {
                match self.take(&lag.unsent) {
                    Ok(0) => return progress,
                    Ok(taken) => {
                        lag.unsent.drain(..taken);
                        progress = Progress::Some;
                        continue;
                    }
                    Err(_) => {
                        self.evict(&mut state, hub, FAILED);
                        return Progress::Done;
                    }
                }
            }
            let mut frames = Frames::default();
            let owed = state.owed(&mut frames, hub);
            if owed.is_empty() {
                state.lag = None;
                self.shut_down_if_sent(&mut state);
                return Progress::Done;
            }
            let Ok(taken) = self.take(frames.bytes()) else {
                self.evict(&mut state, hub, FAILED);
                return Progress::Done;
            };
            let (begun, rest) = frames.begun(taken);
            state.mark_sent(&owed[..begun]);
            hub.count(owed[..begun].iter().map(Owed::delivered));
            if taken < frames.bytes().len() {
                if let Some(lag) = &mut state.lag {
                    lag.unsent.extend_from_slice(rest);
                }
                return if taken == 0 { progress } else { Progress::Some };
            }
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
    pub(super) fn owed_status(&self, frames: &mut Frames, hub: &Hub) -> Vec<Owed> {
        let mut owed = Vec::new();
        let encoder = hub.encoder();
        let now = hub.feed();
        let news = self.last_status != Some(now);
        if news {
            let message = Message::Status {
                feed: now,
                stock: None,
            };
            frames.push(encoder, &message);
            owed.push(Owed::Status(now));
        }
        for (at, follow) in self.follows.iter().enumerate() {
            let feed = follow.channel.feed();
            // After "everything is live" a user must be told again which stocks are not.
            if follow.last_status != feed || (news && now == Feed::Live && feed == Feed::Stale) {
                let stock = Some(&follow.channel.stock);
                frames.push(encoder, &Message::Status { feed, stock });
                owed.push(Owed::StockStatus { at, feed });
            }
        }
        owed
    }

    /// The newest of everything that the user does not have: a status, and one price a stock.
    fn owed(&self, frames: &mut Frames, hub: &Hub) -> Vec<Owed> {
        if !self.is_open() {
            return Vec::new();
        }
        let mut owed = self.owed_status(frames, hub);
        for (at, follow) in self.follows.iter().enumerate() {
            let (seq, newest) = {
                let channel = follow.channel.lock();
                (channel.seq, channel.last)
            };
            if let Some(price) = newest.filter(|_| follow.last_seq < seq) {
                let missed = seq - follow.last_seq - 1;
                let message = Message::Price {
                    stock: &follow.channel.stock,
                    price: &price,
                    last: false,
                    missed,
                };
                frames.push(hub.encoder(), &message);
                owed.push(Owed::Price { at, seq, missed });
            }
        }
        owed
    }

    pub(super) fn mark_sent(&mut self, begun: &[Owed]) {
        for owed in begun {
            match *owed {
                Owed::Status(feed) => self.last_status = Some(feed),
                Owed::StockStatus { at, feed } => self.follows[at].last_status = feed,
                Owed::Price { at, seq, .. } => self.follows[at].last_seq = seq,
            }
        }
    }
}
