//! One user: what it follows, how far it is, and what it is offered.

mod drain;

use crate::{
    Feed, Message, Outlet, Price, Stock,
    channel::Channel,
    frames::Frames,
    roster::Ticket,
    shared::{OneBehind, Shared},
};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::task::AbortHandle;

/// The most bytes of replies that may wait for a user who does not read.
const UNREAD: usize = 32 * 1024;

/// The number by which the caller knows a user; the manager only repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct UserId(pub u64);

impl fmt::Display for UserId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user {}", self.0)
    }
}

/// A user and the way to it, in one allocation; elsewhere it is only pointed at.
pub(crate) struct User<O: ?Sized + 'static = dyn Outlet> {
    pub(crate) id: UserId,
    state: Mutex<State>,
    pub(crate) outlet: O,
}

pub(crate) struct State {
    /// One stock is the usual case and needs no allocation.
    pub(crate) follows: SmallVec<[Follow; 1]>,
    /// Present while the user is behind: then nothing is offered but by its drain.
    behind: Option<Box<Behind>>,
    /// The status of the feed that the user was told last.
    told: Option<Feed>,
    pub(crate) stay: Stay,
    /// Its place among all users.
    pub(crate) ticket: Option<Ticket>,
}

/// Whether a user is still to be told anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    Here,
    /// It left, and has yet to take its last words; nothing is added to them.
    Leaving,
    /// Nothing is offered any more.
    Gone,
}

/// That a user follows a stock.
pub(crate) struct Follow {
    pub(crate) channel: Arc<Channel>,
    /// How many prices of the stock there were when this user was last given one.
    pub(crate) seen: u64,
    pub(crate) ticket: Ticket,
    pub(crate) told: Feed,
}

/// What a user that does not keep up costs beyond the others.
struct Behind {
    /// The rest of a message that was cut, and replies.
    tail: Vec<u8>,
    drain: AbortHandle,
}

/// Prices of one stock that leave together.
pub(crate) struct Batch {
    /// How many prices there had been before these.
    pub(crate) before: u64,
    /// How many came before these and are skipped; the first message says so.
    pub(crate) older: u64,
    pub(crate) newest: Price,
    pub(crate) frames: Frames,
}

impl Batch {
    fn seq(&self) -> u64 {
        self.before + self.older + self.frames.len() as u64
    }
}

/// What an offer came to.
#[derive(Default, Clone, Copy)]
pub(crate) struct Delivered {
    pub(crate) prices: u64,
    pub(crate) missed: u64,
}

impl<O: Outlet> User<O> {
    pub(crate) fn new(id: UserId, outlet: O) -> Self {
        let state = State {
            follows: SmallVec::new(),
            behind: None,
            told: None,
            stay: Stay::Here,
            ticket: None,
        };
        Self {
            id,
            state: Mutex::new(state),
            outlet,
        }
    }
}

impl User {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Offers prices of a stock, straight from the relay loop.
    pub(crate) fn offer(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        batch: &Batch,
        shared: &Arc<Shared>,
    ) -> Delivered {
        let mut state = self.lock();
        if state.is_passed_over() {
            return Delivered::default();
        }
        let Some(at) = state.position(channel) else {
            return Delivered::default();
        };
        let seen = state.follows[at].seen;
        if seen >= batch.seq() {
            return Delivered::default();
        }
        if seen == batch.before {
            let begun = self.write(&mut state, &batch.frames, shared);
            if begun == 0 {
                return Delivered::default();
            }
            state.follows[at].seen = batch.before + batch.older + begun as u64;
            return Delivered {
                prices: begun as u64,
                missed: batch.older,
            };
        }
        // This user stands elsewhere than the others, so it gets a message of its own.
        let missed = batch.seq() - seen - 1;
        let mut frames = Frames::default();
        let (stock, price) = (&channel.stock, &batch.newest);
        frames.push(
            shared.encoder(),
            &Message::Price {
                stock,
                price,
                last: false,
                missed,
            },
        );
        if self.write(&mut state, &frames, shared) == 0 {
            return Delivered::default();
        }
        state.follows[at].seen = batch.seq();
        Delivered { prices: 1, missed }
    }

    /// Tells the user what it does not know of the state of the feed.
    pub(crate) fn tell_status(self: &Arc<Self>, shared: &Arc<Shared>) {
        let mut state = self.lock();
        if state.is_passed_over() {
            return;
        }
        let mut frames = Frames::default();
        let owed = state.owed_status(&mut frames, shared);
        if !owed.is_empty() {
            let begun = self.write(&mut state, &frames, shared);
            state.settle(&owed[..begun]);
        }
    }

    /// Sends replies: in order with the prices, and never skipped.
    pub(crate) fn reply(self: &Arc<Self>, state: &mut State, bytes: &[u8], shared: &Arc<Shared>) {
        if !state.is_here() {
            return;
        }
        if let Some(behind) = &mut state.behind {
            behind.tail.extend_from_slice(bytes);
        } else {
            match self.take(bytes) {
                Err(_) => return self.give_up(state, shared, "it is gone"),
                Ok(taken) if taken == bytes.len() => return,
                Ok(taken) => self.fall_behind(state, &bytes[taken..], shared),
            }
        }
        if state
            .behind
            .as_ref()
            .is_some_and(|behind| behind.tail.len() > UNREAD)
        {
            self.give_up(state, shared, "its unread replies outgrew 32 KiB");
        }
    }

    /// Says the last words: they are out, or the drain sees to it.
    pub(crate) fn take_leave(
        self: &Arc<Self>,
        state: &mut State,
        last: &[u8],
        shared: &Arc<Shared>,
    ) {
        self.reply(state, last, shared);
        if state.is_here() {
            state.stay = Stay::Leaving;
        }
        self.finish_if_told(state);
    }

    /// A user that is leaving is gone when nothing waits for it any more.
    fn finish_if_told(&self, state: &mut State) {
        if state.stay == Stay::Leaving && state.behind.is_none() {
            state.stay = Stay::Gone;
            self.outlet.finish();
        }
    }

    /// Writes without waiting, and returns how many messages were begun.
    fn write(self: &Arc<Self>, state: &mut State, frames: &Frames, shared: &Arc<Shared>) -> usize {
        match self.take(frames.bytes()) {
            Ok(taken) if taken == frames.bytes().len() => frames.len(),
            Ok(taken) => {
                let (begun, rest) = frames.begun(taken);
                self.fall_behind(state, rest, shared);
                begun
            }
            Err(_) => {
                self.give_up(state, shared, "it is gone");
                0
            }
        }
    }

    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        // The caller's code runs here. If it panics, its own user is lost, and nobody else.
        let offered = catch_unwind(AssertUnwindSafe(|| self.outlet.offer(bytes)));
        match offered.unwrap_or_else(|_| Err(io::Error::other("the outlet panicked"))) {
            // An outlet that claims more than it was offered must not make us skip what comes next.
            Ok(taken) => Ok(taken.min(bytes.len())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn fall_behind(self: &Arc<Self>, state: &mut State, rest: &[u8], shared: &Arc<Shared>) {
        let user = Arc::clone(self);
        let drain = shared.spawn(drain::drain(
            user,
            Arc::clone(shared),
            OneBehind::new(shared),
        ));
        state.behind = Some(Box::new(Behind {
            tail: rest.to_vec(),
            drain,
        }));
    }

    fn give_up(&self, state: &mut State, shared: &Shared, why: &str) {
        if state.stay != Stay::Gone {
            state.leave_off();
            self.outlet.close();
            shared.gave_up(self.id, why);
        }
    }
}

impl State {
    pub(crate) fn is_here(&self) -> bool {
        self.stay == Stay::Here
    }

    /// Whether the relay passes over this user: it left, or is behind and its drain looks after it.
    fn is_passed_over(&self) -> bool {
        !self.is_here() || self.behind.is_some()
    }

    pub(crate) fn position(&self, channel: &Arc<Channel>) -> Option<usize> {
        self.follows
            .iter()
            .position(|follow| Arc::ptr_eq(&follow.channel, channel))
    }

    pub(crate) fn position_of(&self, stock: &Stock) -> Option<usize> {
        self.follows
            .iter()
            .position(|follow| follow.channel.stock == *stock)
    }

    /// Begins to follow, and says how the stock stands: the caller tells the user if it is stale.
    pub(crate) fn begin(&mut self, mut follow: Follow) -> Feed {
        let feed = follow.channel.feed();
        follow.told = feed;
        // Doubling would waste a third of what a user with ten stocks costs.
        if self.follows.len() == self.follows.capacity() {
            self.follows.reserve_exact(self.follows.len() / 4 + 1);
        }
        self.follows.push(follow);
        feed
    }

    /// Marks the user as gone: nothing waits for it any more.
    pub(crate) fn leave_off(&mut self) {
        self.stay = Stay::Gone;
        if let Some(behind) = self.behind.take() {
            behind.drain.abort();
        }
    }
}
