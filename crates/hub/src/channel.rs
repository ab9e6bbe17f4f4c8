//! One stock: its users, its newest price, and whether it is live.

use crate::{
    Feed, Price, Stock,
    pace::Mode,
    pending::Received,
    subscribers::{SubscriberKey, Subscribers},
};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{
    AtomicBool,
    Ordering::{AcqRel, Acquire, Release},
};

/// The state of one stock that has users. `U` is a handle to a user: a channel only keeps it for the
/// fan-out, so it does not import users or sockets.
pub(crate) struct Channel<U> {
    pub(crate) stock: Stock,
    // The flags are outside the lock because a user that catches up reads them for every stock to
    // which it is subscribed. A job of the fan-out, made after a flag was written, sends the new
    // status, so a user that was sent the old one a moment earlier is corrected.
    /// The broker refuses the channel, or its confirmation is late. Written by the manager's task,
    /// read when a status is sent.
    unconfirmed: AtomicBool,
    /// The newest message was not a price. Written by the fan-out, read when a status is sent.
    invalid: AtomicBool,
    /// The broker confirmed the channel and was not asked to unsubscribe from it since: a further
    /// confirmation is that of a new connection. Only the manager's task writes and reads it.
    was_confirmed: AtomicBool,
    /// Users that subscribe and unsubscribe write the list, the fan-out writes the rest; a user that
    /// catches up reads. Taken under the lock of a user or of the map of channels, never around one.
    state: Mutex<State<U>>,
}

/// One lock for all three: a user that is added between the writes of `seq` and `last` would get a
/// price twice, or not at all.
pub(crate) struct State<U> {
    /// How many prices were relayed since the stock has users: the number of the last one.
    pub(crate) seq: u64,
    pub(crate) last: Option<Received>,
    /// The number of the price that the broker had stored before this server subscribed: 1, or 0 if
    /// there was none. It is a stock's first price here or none at all.
    pub(crate) stored_seq: u64,
    /// The users that are sent each price.
    each_price: Subscribers<U>,
    /// The users with a pace, which the fan-out of a new price does not visit: they are in a list of their own,
    /// so that they cost it nothing. Empty, it has allocated nothing.
    paced: Subscribers<U>,
}

/// How many users of a stock, from the front of each list, are still to be visited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    each_price: usize,
    paced: usize,
}

impl Left {
    pub(crate) const ALL: Self = Self {
        each_price: usize::MAX,
        paced: usize::MAX,
    };

    pub(crate) fn is_none(self) -> bool {
        self.each_price == 0 && self.paced == 0
    }
}

impl<U> State<U> {
    /// How many users the stock has.
    pub(crate) fn users(&self) -> usize {
        self.each_price.len() + self.paced.len()
    }

    /// Those that are sent a price when it comes. A stored price is one that users with a pace wait for as well:
    /// it is the first thing that they see of the stock, and not a change.
    pub(crate) fn to_visit(&self, is_stored: bool) -> Left {
        Left {
            each_price: self.each_price.len(),
            paced: if is_stored { self.paced.len() } else { 0 },
        }
    }

    /// Fills the empty `slice` with users that are left, and counts them off.
    pub(crate) fn slice(&self, left: &mut Left, most: usize, slice: &mut Vec<U>)
    where
        U: Clone,
    {
        left.each_price = self.each_price.slice(left.each_price, most, slice);
        left.paced = self.paced.slice(left.paced, most - slice.len(), slice);
    }

    fn list(&mut self, mode: Mode) -> &mut Subscribers<U> {
        match mode {
            Mode::EachPrice => &mut self.each_price,
            Mode::Paced => &mut self.paced,
        }
    }
}

/// How many prices a user misses that was sent number `from` last, 0 for none, and is sent number `to`
/// now. The stored price does not count: no user was subscribed when it was published.
pub(crate) fn missed(from: u64, to: u64, stored_seq: u64) -> u64 {
    (to - 1).saturating_sub(from.max(stored_seq))
}

/// What the caller learns when a user is added.
pub(crate) struct Added {
    pub(crate) key: SubscriberKey,
    pub(crate) last_seq: u64,
    pub(crate) last: Option<Price>,
    /// How many users there are now, from 1 on.
    pub(crate) users: usize,
}

impl<U> Channel<U> {
    pub(crate) fn new(stock: Stock) -> Self {
        let state = State {
            seq: 0,
            last: None,
            stored_seq: 0,
            each_price: Subscribers::default(),
            paced: Subscribers::default(),
        };
        Self {
            stock,
            unconfirmed: AtomicBool::new(false),
            invalid: AtomicBool::new(false),
            was_confirmed: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<U>> {
        self.state.lock()
    }

    pub(crate) fn feed(&self) -> Feed {
        if self.unconfirmed.load(Acquire) || self.invalid.load(Acquire) {
            Feed::Stale
        } else {
            Feed::Live
        }
    }

    /// Returns whether the stock has become live or stale by it.
    pub(crate) fn set_unconfirmed(&self, unconfirmed: bool) -> bool {
        self.set(&self.unconfirmed, unconfirmed)
    }

    /// Returns whether the stock has become live or stale by it.
    pub(crate) fn set_invalid(&self, invalid: bool) -> bool {
        self.set(&self.invalid, invalid)
    }

    fn set(&self, flag: &AtomicBool, value: bool) -> bool {
        let before = self.feed();
        flag.store(value, Release);
        self.feed() != before
    }

    /// Returns whether it was confirmed before.
    pub(crate) fn set_confirmed(&self, confirmed: bool) -> bool {
        self.was_confirmed.swap(confirmed, AcqRel)
    }

    pub(crate) fn has_users(&self) -> bool {
        self.lock().users() > 0
    }

    /// Adds a user, which is owed only later prices.
    pub(crate) fn add(&self, user: U, mode: Mode) -> Added {
        let mut state = self.lock();
        let key = state.list(mode).add(user);
        Added {
            key,
            last_seq: state.seq,
            last: state.last.map(|last| last.price),
            users: state.users(),
        }
    }

    /// Removes a user that was added in this mode, and returns how many remain.
    pub(crate) fn remove(&self, key: SubscriberKey, mode: Mode) -> usize {
        let mut state = self.lock();
        state.list(mode).remove(key);
        state.users()
    }
}
