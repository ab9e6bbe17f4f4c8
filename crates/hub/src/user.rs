//! One user: what it follows, how far it is, and how it is written to.

mod catch_up;

use crate::{
    Feed, Hub, Message, Price, Socket, Stock, channel::Channel, frames::Frames,
    subscribers::SubscriberKey,
};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::{fmt, io, sync::Arc};
use tokio::task::AbortHandle;

/// The most bytes of replies that may wait for a user who does not read.
const MAX_PENDING_REPLIES: usize = 32 * 1024;

/// The number by which the caller knows a user; the hub only repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct UserId(pub u64);

impl fmt::Display for UserId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user {}", self.0)
    }
}

/// A user and its socket, in one allocation; elsewhere it is only pointed at.
pub(crate) struct User<S: ?Sized + 'static = dyn Socket> {
    pub(crate) id: UserId,
    state: Mutex<State>,
    pub(crate) socket: S,
}

pub(crate) struct State {
    /// One stock is the usual case and needs no allocation.
    pub(crate) follows: SmallVec<[Follow; 1]>,
    /// Present while the user lags: then only its own task writes to it.
    lag: Option<Box<Lag>>,
    /// The status of the feed that the user was sent last.
    last_status: Option<Feed>,
    phase: Phase,
    /// Its key among all users.
    pub(crate) key: Option<SubscriberKey>,
}

/// Whether a user is still to be sent anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Its final frame waits to be taken; nothing is added to it.
    Closing,
    /// Nothing is written any more.
    Closed,
}

/// That a user follows a stock.
pub(crate) struct Follow {
    pub(crate) channel: Arc<Channel>,
    /// How many prices of the stock there were when this user was last sent one.
    pub(crate) last_seq: u64,
    pub(crate) key: SubscriberKey,
    pub(crate) last_status: Feed,
}

/// What a slow consumer costs beyond the others.
struct Lag {
    /// The rest of a message that was cut, and replies.
    unsent: Vec<u8>,
    task: AbortHandle,
}

/// Prices of one stock that leave together.
pub(crate) struct Batch {
    /// How many prices there had been before these.
    pub(crate) before: u64,
    /// How many came before these and are skipped; the first message says so.
    pub(crate) dropped: u64,
    pub(crate) newest: Price,
    pub(crate) frames: Frames,
}

impl Batch {
    fn seq(&self) -> u64 {
        self.before + self.dropped + self.frames.len() as u64
    }
}

/// What was sent to a user.
#[derive(Default, Clone, Copy)]
pub(crate) struct Delivered {
    pub(crate) prices: u64,
    pub(crate) missed: u64,
}

impl<S: Socket> User<S> {
    pub(crate) fn new(id: UserId, socket: S) -> Self {
        let state = State {
            follows: SmallVec::new(),
            lag: None,
            last_status: None,
            phase: Phase::Open,
            key: None,
        };
        Self {
            id,
            state: Mutex::new(state),
            socket,
        }
    }
}

impl User {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Writes prices of a stock, straight from the fan-out.
    pub(crate) fn send_batch(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        batch: &Batch,
        hub: &Arc<Hub>,
    ) -> Delivered {
        let mut state = self.lock();
        if state.is_skipped() {
            return Delivered::default();
        }
        let Some(at) = state.position(channel) else {
            return Delivered::default();
        };
        let last_seq = state.follows[at].last_seq;
        // It joined, or caught up, after this batch was made: it has these prices already.
        if last_seq >= batch.seq() {
            return Delivered::default();
        }
        if last_seq == batch.before {
            let begun = self.write(&mut state, &batch.frames, hub);
            if begun == 0 {
                return Delivered::default();
            }
            state.follows[at].last_seq = batch.before + batch.dropped + begun as u64;
            return Delivered {
                prices: begun as u64,
                missed: batch.dropped,
            };
        }
        // This user is not as far as the others, so it gets a message of its own.
        let missed = batch.seq() - last_seq - 1;
        let mut frames = Frames::default();
        let message = Message::Price {
            stock: &channel.stock,
            price: &batch.newest,
            last: false,
            missed,
        };
        frames.push(hub.encoder(), &message);
        if self.write(&mut state, &frames, hub) == 0 {
            return Delivered::default();
        }
        state.follows[at].last_seq = batch.seq();
        Delivered { prices: 1, missed }
    }

    /// Sends what the user does not know of the state of the feed.
    pub(crate) fn send_status(self: &Arc<Self>, hub: &Arc<Hub>) {
        let mut state = self.lock();
        if state.is_skipped() {
            return;
        }
        let mut frames = Frames::default();
        let owed = state.owed_status(&mut frames, hub);
        if !owed.is_empty() {
            let begun = self.write(&mut state, &frames, hub);
            state.mark_sent(&owed[..begun]);
        }
    }

    /// Sends replies: in order with the prices, and never skipped.
    pub(crate) fn reply(self: &Arc<Self>, state: &mut State, bytes: &[u8], hub: &Arc<Hub>) {
        if !state.is_open() {
            return;
        }
        if let Some(lag) = &mut state.lag {
            lag.unsent.extend_from_slice(bytes);
        } else {
            match self.take(bytes) {
                Err(_) => return self.evict(state, hub, "its socket failed"),
                Ok(taken) if taken == bytes.len() => return,
                Ok(taken) => self.start_lagging(state, &bytes[taken..], hub),
            }
        }
        let pending = state.lag.as_ref().map_or(0, |lag| lag.unsent.len());
        if pending > MAX_PENDING_REPLIES {
            self.evict(state, hub, "its pending replies outgrew 32 KiB");
        }
    }

    /// Sends the final frame: it is written now, or by the task of a user that lags.
    pub(crate) fn close(self: &Arc<Self>, state: &mut State, final_frame: &[u8], hub: &Arc<Hub>) {
        self.reply(state, final_frame, hub);
        if state.is_open() {
            state.phase = Phase::Closing;
        }
        self.shut_down_if_sent(state);
    }

    fn shut_down_if_sent(&self, state: &mut State) {
        if state.phase == Phase::Closing && state.lag.is_none() {
            state.phase = Phase::Closed;
            self.socket.shutdown();
        }
    }

    /// Writes without waiting, and returns how many messages were begun.
    fn write(self: &Arc<Self>, state: &mut State, frames: &Frames, hub: &Arc<Hub>) -> usize {
        match self.take(frames.bytes()) {
            Ok(taken) if taken == frames.bytes().len() => frames.len(),
            Ok(taken) => {
                let (begun, rest) = frames.begun(taken);
                self.start_lagging(state, rest, hub);
                begun
            }
            Err(_) => {
                self.evict(state, hub, "its socket failed");
                0
            }
        }
    }

    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.try_write(bytes) {
            // A socket that claims more than it was given must not make us skip what comes next.
            Ok(taken) => Ok(taken.min(bytes.len())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn start_lagging(self: &Arc<Self>, state: &mut State, rest: &[u8], hub: &Arc<Hub>) {
        let task = hub.spawn(catch_up::run(Arc::clone(self), Arc::clone(hub)));
        state.lag = Some(Box::new(Lag {
            unsent: rest.to_vec(),
            task,
        }));
    }

    fn evict(&self, state: &mut State, hub: &Hub, why: &str) {
        if state.phase != Phase::Closed {
            state.end();
            self.socket.close();
            hub.evicted(self.id, why);
        }
    }
}

impl State {
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the fan-out skips this user: it left, or it lags and its own task writes to it.
    fn is_skipped(&self) -> bool {
        !self.is_open() || self.lag.is_some()
    }

    fn position(&self, channel: &Arc<Channel>) -> Option<usize> {
        self.follows
            .iter()
            .position(|follow| Arc::ptr_eq(&follow.channel, channel))
    }

    pub(crate) fn position_of(&self, stock: &Stock) -> Option<usize> {
        self.follows
            .iter()
            .position(|follow| follow.channel.stock == *stock)
    }

    /// Begins to follow, and returns the stock's status, which the caller sends if it is stale.
    pub(crate) fn begin(&mut self, mut follow: Follow) -> Feed {
        let feed = follow.channel.feed();
        follow.last_status = feed;
        // Doubling would waste a third of what a user with ten stocks costs.
        if self.follows.len() == self.follows.capacity() {
            self.follows.reserve_exact(self.follows.len() / 4 + 1);
        }
        self.follows.push(follow);
        feed
    }

    /// Nothing is written to the user any more.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Closed;
        if let Some(lag) = self.lag.take() {
            lag.task.abort();
        }
    }
}
