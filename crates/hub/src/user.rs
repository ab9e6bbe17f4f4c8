//! One user: its subscriptions, what it was sent last, and how it is written to.

mod catch_up;

use crate::{
    Feed, FeedMessage, Price, Socket, Stock, UserId,
    channel::{Channel, missed},
    delivery::{Delivered, Delivery},
    frames::Frames,
    pace::Mode,
    subscribers::SubscriberKey,
};
use catch_up::Owed;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::{io, sync::Arc};
use tokio::{task::AbortHandle, time::Instant};

/// The most bytes of replies that may wait for a user who does not read.
const MAX_PENDING_REPLIES: usize = 32 * 1024;

/// A user and its socket, in one allocation; elsewhere it is only pointed at.
pub(crate) struct User<S: ?Sized + 'static = dyn Socket> {
    pub(crate) id: UserId,
    /// The connection's verbs, the fan-out and the task of a user that lags write it, and hold the
    /// lock while they write to the socket: so the frames of two of them cannot mix. In the order of
    /// locks it comes after the fan-out's own lock, and before those of the registry.
    state: Mutex<State>,
    pub(crate) socket: S,
}

/// A stock's channel, and the users that are subscribed to it.
pub(crate) type UserChannel = Channel<Arc<User>>;

/// All of it is behind the user's lock.
pub(crate) struct State {
    /// One stock is the usual case and needs no allocation.
    pub(crate) subscriptions: SmallVec<[Subscription; 1]>,
    /// Present while the user lags: then only its own task writes prices to it, and replies wait
    /// here. The task itself takes it out when all is sent.
    lag: Option<Box<Lag>>,
    /// The status of the feed that the user was sent last; none before the first.
    last_status: Option<Feed>,
    phase: Phase,
    /// Set when the user connects, and never changed: the fan-out's lists and the turns have it by this.
    pub(crate) mode: Mode,
    /// Its key among all users, until it disconnects.
    pub(crate) key: Option<SubscriberKey>,
}

/// Whether a user is still sent anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Its final frame waits to be taken; nothing is added to it.
    Closing,
    /// Nothing is written any more; also after an eviction.
    Closed,
}

/// One user's subscription to one stock.
pub(crate) struct Subscription {
    pub(crate) channel: Arc<UserChannel>,
    /// The number of the stock's last price that this user was sent, counted from 1.
    pub(crate) last_seq: u64,
    pub(crate) key: SubscriberKey,
    /// The status of the stock that the user knows: sent last, or live if none was sent.
    pub(crate) last_status: Feed,
}

/// What a slow consumer costs beyond the others.
struct Lag {
    /// The rest of a message that was cut, and replies.
    unsent: Vec<u8>,
    task: AbortHandle,
}

/// Prices of one stock that are sent together.
pub(crate) struct Batch {
    /// How many prices of the stock there were before these and the dropped ones.
    pub(crate) before: u64,
    /// How many prices came before these and were dropped; the first message reports them as missed.
    pub(crate) dropped: u64,
    /// See `channel::State`; the batch is that price if it ends with this number.
    pub(crate) stored_seq: u64,
    pub(crate) newest: Price,
    /// When this server received the oldest of these prices.
    pub(crate) received: Instant,
    pub(crate) frames: Frames,
}

impl Batch {
    fn seq(&self) -> u64 {
        self.before + self.dropped + self.frames.len() as u64
    }
}

impl<S: Socket> User<S> {
    pub(crate) fn new(id: UserId, socket: S, mode: Mode) -> Self {
        let state = State {
            subscriptions: SmallVec::new(),
            lag: None,
            last_status: None,
            phase: Phase::Open,
            mode,
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
        channel: &Arc<UserChannel>,
        batch: &Batch,
        delivery: &Arc<Delivery>,
    ) -> Delivered {
        let mut state = self.lock();
        if state.is_skipped() {
            return Delivered::default();
        }
        let Some(at) = state.position(channel) else {
            return Delivered::default();
        };
        let last_seq = state.subscriptions[at].last_seq;
        // It subscribed, or caught up, after this batch was made: it has these prices already.
        if last_seq >= batch.seq() {
            return Delivered::default();
        }
        if last_seq == batch.before {
            let begun = self.write(&mut state, &batch.frames, delivery);
            if begun == 0 {
                return Delivered::default();
            }
            state.subscriptions[at].last_seq = batch.before + batch.dropped + begun as u64;
            // A last price that is read later is no more a delivery than one that is known at once.
            if batch.seq() == batch.stored_seq {
                return Delivered::default();
            }
            return Delivered {
                prices: begun as u64,
                missed: batch.dropped,
            };
        }
        // This user lacks earlier prices as well, so it is sent only the newest, in a message of its own
        // that says how many it missed.
        let missed = missed(last_seq, batch.seq(), batch.stored_seq);
        let mut frames = Frames::default();
        let message = FeedMessage::Price {
            stock: &channel.stock,
            price: &batch.newest,
            last: false,
            missed,
        };
        frames.push(delivery.encoder(), &message);
        if self.write(&mut state, &frames, delivery) == 0 {
            return Delivered::default();
        }
        state.subscriptions[at].last_seq = batch.seq();
        Delivered { prices: 1, missed }
    }

    /// Sends the status of the feed and of stocks, as far as it has changed since the user was sent one.
    pub(crate) fn send_status(self: &Arc<Self>, delivery: &Arc<Delivery>) {
        let mut state = self.lock();
        if state.is_skipped() {
            return;
        }
        let mut frames = Frames::default();
        let owed = state.owed_status(&mut frames, delivery);
        if !owed.is_empty() {
            let begun = self.write(&mut state, &frames, delivery);
            state.mark_sent(&owed[..begun]);
        }
    }

    /// Sends a user with a pace the newest of everything that it lacks, in one write. What its socket does not
    /// take it still lacks at its next turn. The caller's `frames` are only memory, reused for the next user.
    pub(crate) fn send_owed(self: &Arc<Self>, frames: &mut Frames, delivery: &Arc<Delivery>) {
        frames.clear();
        let mut state = self.lock();
        if state.is_skipped() {
            return;
        }
        let owed = state.owed(frames, delivery);
        if !owed.is_empty() {
            let begun = self.write(&mut state, frames, delivery);
            state.mark_sent(&owed[..begun]);
            delivery.count_write(owed[..begun].iter().filter_map(Owed::delivered));
        }
    }

    /// Sends replies, in order with the prices and never skipped.
    pub(crate) fn reply(
        self: &Arc<Self>,
        state: &mut State,
        bytes: &[u8],
        delivery: &Arc<Delivery>,
    ) {
        if !state.is_open() {
            return;
        }
        if let Some(lag) = &mut state.lag {
            lag.unsent.extend_from_slice(bytes);
        } else {
            match self.take(bytes) {
                Err(_) => return self.evict(state, delivery, "its socket failed"),
                Ok(taken) if taken == bytes.len() => return,
                Ok(taken) => self.start_lagging(state, &bytes[taken..], delivery),
            }
        }
        let pending = state.lag.as_ref().map_or(0, |lag| lag.unsent.len());
        if pending > MAX_PENDING_REPLIES {
            self.evict(state, delivery, "its pending replies outgrew 32 KiB");
        }
    }

    /// Sends the final frame: it is written now, or by the task of a user that lags.
    pub(crate) fn close(
        self: &Arc<Self>,
        state: &mut State,
        final_frame: &[u8],
        delivery: &Arc<Delivery>,
    ) {
        self.reply(state, final_frame, delivery);
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

    /// Writes without waiting, and returns how many messages were begun. If the socket did not take all,
    /// the user lags from now on.
    fn write(
        self: &Arc<Self>,
        state: &mut State,
        frames: &Frames,
        delivery: &Arc<Delivery>,
    ) -> usize {
        match self.take(frames.bytes()) {
            Ok(taken) if taken == frames.bytes().len() => frames.len(),
            Ok(taken) => {
                let (begun, rest) = frames.begun(taken);
                self.start_lagging(state, rest, delivery);
                begun
            }
            Err(_) => {
                self.evict(state, delivery, "its socket failed");
                0
            }
        }
    }

    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.try_write(bytes) {
            // A caller's socket may return more than it was given; that must not skip later bytes.
            Ok(taken) => Ok(taken.min(bytes.len())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn start_lagging(self: &Arc<Self>, state: &mut State, rest: &[u8], delivery: &Arc<Delivery>) {
        let task = delivery.spawn(catch_up::run(Arc::clone(self), Arc::clone(delivery)));
        state.lag = Some(Box::new(Lag {
            unsent: rest.to_vec(),
            task,
        }));
    }

    fn evict(&self, state: &mut State, delivery: &Delivery, why: &str) {
        if state.phase != Phase::Closed {
            state.end();
            self.socket.close();
            delivery.evicted(self.id, why);
        }
    }
}

impl State {
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the fan-out skips this user: it disconnected, or it lags and its own task writes to it.
    fn is_skipped(&self) -> bool {
        !self.is_open() || self.lag.is_some()
    }

    fn position(&self, channel: &Arc<UserChannel>) -> Option<usize> {
        self.subscriptions
            .iter()
            .position(|subscription| Arc::ptr_eq(&subscription.channel, channel))
    }

    pub(crate) fn position_of(&self, stock: &Stock) -> Option<usize> {
        self.subscriptions
            .iter()
            .position(|subscription| subscription.channel.stock == *stock)
    }

    /// Keeps the subscription, and returns the stock's status, which the caller sends if it is stale.
    pub(crate) fn subscribe(&mut self, mut subscription: Subscription) -> Feed {
        let feed = subscription.channel.feed();
        subscription.last_status = feed;
        // Doubling would waste a third of what a user with ten stocks costs.
        if self.subscriptions.len() == self.subscriptions.capacity() {
            self.subscriptions
                .reserve_exact(self.subscriptions.len() / 4 + 1);
        }
        self.subscriptions.push(subscription);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A million users pay for each of these bytes. What only users with a pace need stays out of them.
    #[test]
    fn a_user_and_its_subscription_are_no_larger_than_they_were_without_paces() {
        assert_eq!(size_of::<State>(), 56);
        assert_eq!(size_of::<Subscription>(), 24);
    }
}
