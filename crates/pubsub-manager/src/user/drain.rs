//! What a user is owed who did not take everything at once, and how it gets it.

use super::{Delivered, State, User};
use crate::{
    Feed, Message,
    frames::Frames,
    shared::{OneBehind, Shared},
};
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

/// Why a user was given up.
const TOO_SLOW: &str = "it did not read by the deadline";
/// The pause after an outlet said that it is ready, and took nothing.
const BREATH: Duration = Duration::from_millis(10);

/// Brings one user that is behind up to date, then ends. It exists only while the user is behind.
pub(super) async fn drain(user: Arc<User>, shared: Arc<Shared>, _behind: OneBehind) {
    let mut deadline = Instant::now() + shared.drain_deadline();
    loop {
        match timeout_at(deadline, poll_fn(|cx| user.outlet.poll_ready(cx))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return user.give_up(&mut user.lock(), &shared, "it is gone"),
            Err(_) => return user.give_up(&mut user.lock(), &shared, TOO_SLOW),
        }
        match user.catch_up(&shared) {
            Progress::Done => return,
            Progress::Some => deadline = Instant::now() + shared.drain_deadline(),
            Progress::Stuck if deadline <= Instant::now() => {
                return user.give_up(&mut user.lock(), &shared, TOO_SLOW);
            }
            Progress::Stuck => sleep(BREATH).await,
        }
    }
}

/// How far a user that is behind has come.
enum Progress {
    /// It took nothing.
    Stuck,
    /// It took something, and there is more.
    Some,
    /// There is nothing left to give.
    Done,
}

impl User {
    /// Gives a user that is behind as much as it takes.
    fn catch_up(self: &Arc<Self>, shared: &Arc<Shared>) -> Progress {
        let mut state = self.lock();
        let mut progress = Progress::Stuck;
        loop {
            let Some(behind) = &mut state.behind else {
                return Progress::Done;
            };
            if !behind.tail.is_empty() {
                match self.take(&behind.tail) {
                    Ok(0) => return progress,
                    Ok(taken) => {
                        behind.tail.drain(..taken);
                        progress = Progress::Some;
                        continue;
                    }
                    Err(_) => {
                        self.give_up(&mut state, shared, "it is gone");
                        return Progress::Done;
                    }
                }
            }
            let mut frames = Frames::default();
            let owed = state.owed(&mut frames, shared);
            if owed.is_empty() {
                state.behind = None;
                self.finish_if_told(&mut state);
                return Progress::Done;
            }
            let Ok(taken) = self.take(frames.bytes()) else {
                self.give_up(&mut state, shared, "it is gone");
                return Progress::Done;
            };
            let (begun, rest) = frames.begun(taken);
            state.settle(&owed[..begun]);
            shared.count(owed[..begun].iter().map(Owed::delivered));
            if taken < frames.bytes().len() {
                if let Some(behind) = &mut state.behind {
                    behind.tail.extend_from_slice(rest);
                }
                return if taken == 0 { progress } else { Progress::Some };
            }
            progress = Progress::Some;
        }
    }
}

/// Something that a user is owed, and what changes when it was begun.
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
    pub(super) fn owed_status(&self, frames: &mut Frames, shared: &Shared) -> Vec<Owed> {
        let mut owed = Vec::new();
        let encoder = shared.encoder();
        let now = shared.feed();
        let news = self.told != Some(now);
        if news {
            frames.push(
                encoder,
                &Message::Status {
                    feed: now,
                    stock: None,
                },
            );
            owed.push(Owed::Status(now));
        }
        for (at, follow) in self.follows.iter().enumerate() {
            let feed = follow.channel.feed();
            // Whoever hears that everything is live must hear again what is not.
            if follow.told != feed || (news && now == Feed::Live && feed == Feed::Stale) {
                let stock = Some(&follow.channel.stock);
                frames.push(encoder, &Message::Status { feed, stock });
                owed.push(Owed::StockStatus { at, feed });
            }
        }
        owed
    }

    /// The newest of everything that the user does not have: a status, and one price a stock.
    fn owed(&self, frames: &mut Frames, shared: &Shared) -> Vec<Owed> {
        if !self.is_here() {
            return Vec::new();
        }
        let mut owed = self.owed_status(frames, shared);
        for (at, follow) in self.follows.iter().enumerate() {
            let (seq, newest) = {
                let channel = follow.channel.lock();
                (channel.seq, channel.last)
            };
            if let Some(price) = newest.filter(|_| follow.seen < seq) {
                let (stock, missed) = (&follow.channel.stock, seq - follow.seen - 1);
                let message = Message::Price {
                    stock,
                    price: &price,
                    last: false,
                    missed,
                };
                frames.push(shared.encoder(), &message);
                owed.push(Owed::Price { at, seq, missed });
            }
        }
        owed
    }

    pub(super) fn settle(&mut self, begun: &[Owed]) {
        for owed in begun {
            match *owed {
                Owed::Status(feed) => self.told = Some(feed),
                Owed::StockStatus { at, feed } => self.follows[at].told = feed,
                Owed::Price { at, seq, .. } => self.follows[at].seen = seq,
            }
        }
    }
}
