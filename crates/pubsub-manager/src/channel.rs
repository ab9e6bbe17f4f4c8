//! What this server knows of one stock that it follows.

use crate::{
    Feed, Price, Stock,
    roster::{Roster, Ticket},
    user::User,
};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One stock: its users, its newest price, and how many prices there were.
///
/// Locks are taken in this order, and none is held across an await: user, map of channels, channel.
pub(crate) struct Channel {
    pub(crate) stock: Stock,
    /// Whether the broker owes us this stock. It stands outside the lock because a user that is
    /// brought up to date asks it of every stock it follows.
    stale: AtomicBool,
    state: Mutex<State>,
}

pub(crate) struct State {
    /// How many prices were relayed since this server followed the stock.
    pub(crate) seq: u64,
    pub(crate) last: Option<Price>,
    pub(crate) users: Roster,
}

/// What a user has by joining.
pub(crate) struct Joined {
    pub(crate) ticket: Ticket,
    pub(crate) seen: u64,
    pub(crate) last: Option<Price>,
    /// How many users there are now.
    pub(crate) users: usize,
}

impl Channel {
    pub(crate) fn new(stock: Stock) -> Self {
        let state = State {
            seq: 0,
            last: None,
            users: Roster::default(),
        };
        Self {
            stock,
            stale: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn feed(&self) -> Feed {
        if self.stale.load(Ordering::Acquire) {
            Feed::Stale
        } else {
            Feed::Live
        }
    }

    /// Returns whether that is news.
    pub(crate) fn set_feed(&self, feed: Feed) -> bool {
        let stale = feed == Feed::Stale;
        self.stale.swap(stale, Ordering::AcqRel) != stale
    }

    pub(crate) fn has_users(&self) -> bool {
        !self.lock().users.is_empty()
    }

    /// Adds a user, and tells what it has thereby seen: only prices that come later are owed to it.
    pub(crate) fn join(&self, user: Arc<User>) -> Joined {
        let mut state = self.lock();
        let ticket = state.users.add(user);
        Joined {
            ticket,
            seen: state.seq,
            last: state.last,
            users: state.users.len(),
        }
    }

    /// Takes a user out, and tells how many stay.
    pub(crate) fn leave(&self, ticket: Ticket) -> usize {
        let mut state = self.lock();
        state.users.remove(ticket);
        state.users.len()
    }
}
