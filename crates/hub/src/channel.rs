//! What this server knows of one stock that it follows.

use crate::{
    Feed, Price, Stock,
    subscribers::{SubscriberKey, Subscribers},
    user::User,
};
use parking_lot::{Mutex, MutexGuard};
use std::sync::{
    Arc,
    atomic::{
        AtomicBool,
        Ordering::{AcqRel, Acquire, Release},
    },
};

/// One stock: its users, its newest price, and how many prices there were.
///
/// Locks are taken in this order, and none is held across an await: user, map of channels, channel.
pub(crate) struct Channel {
    pub(crate) stock: Stock,
    // The flags stand outside the lock because a user that catches up reads them of every stock
    // it follows.
    /// The broker refuses the channel, or its confirmation is late.
    unconfirmed: AtomicBool,
    /// The newest message was not a price.
    invalid: AtomicBool,
    /// The broker confirmed the channel and was not asked to leave it since: a further confirmation
    /// is that of a new connection.
    was_confirmed: AtomicBool,
    state: Mutex<State>,
}

pub(crate) struct State {
    /// How many prices were relayed since this server followed the stock.
    pub(crate) seq: u64,
    pub(crate) last: Option<Price>,
    pub(crate) users: Subscribers,
}

/// What a user has by joining.
pub(crate) struct Joined {
    pub(crate) key: SubscriberKey,
    pub(crate) last_seq: u64,
    pub(crate) last: Option<Price>,
    /// How many users there are now.
    pub(crate) users: usize,
}

impl Channel {
    pub(crate) fn new(stock: Stock) -> Self {
        let state = State {
            seq: 0,
            last: None,
            users: Subscribers::default(),
        };
        Self {
            stock,
            unconfirmed: AtomicBool::new(false),
            invalid: AtomicBool::new(false),
            was_confirmed: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
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
        !self.lock().users.is_empty()
    }

    /// Adds a user, who is owed only the prices that come later.
    pub(crate) fn join(&self, user: Arc<User>) -> Joined {
        let mut state = self.lock();
        let key = state.users.add(user);
        Joined {
            key,
            last_seq: state.seq,
            last: state.last,
            users: state.users.len(),
        }
    }

    /// Removes a user, and returns how many stay.
    pub(crate) fn leave(&self, key: SubscriberKey) -> usize {
        let mut state = self.lock();
        state.users.remove(key);
        state.users.len()
    }
}
