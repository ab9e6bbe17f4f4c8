//! The stocks of this server.

use crate::{
    Stock,
    channel::{Added, Channel},
    pace::Mode,
    stats::StockUsers,
    subscribers::SubscriberKey,
    user::{User, UserChannel},
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// Every stock that has users, and those from which the manager has not unsubscribed yet.
#[derive(Default)]
pub(crate) struct Channels {
    /// A stock is added with its first user, and removed by the manager's task once the broker is not
    /// subscribed to it. Users take this lock under their own, and channels' locks are taken under it.
    map: Mutex<HashMap<Stock, Arc<UserChannel>>>,
    /// How many stocks have users. Written by the users' verbs; `/metrics` reads it, and must not lock
    /// the map and count a hundred thousand stocks for it.
    wanted: AtomicI64,
}

impl Channels {
    pub(crate) fn get(&self, stock: &Stock) -> Option<Arc<UserChannel>> {
        self.map.lock().get(stock).cloned()
    }

    /// Adds the user to the stock, whose channel is made if this is its first user here.
    pub(crate) fn add(
        &self,
        user: Arc<User>,
        stock: Stock,
        mode: Mode,
    ) -> (Arc<UserChannel>, Added) {
        let (channel, added) = {
            // The map stays locked while the user is added, so that the manager cannot remove the
            // channel in between.
            let mut map = self.map.lock();
            let channel = map
                .entry(stock)
                .or_insert_with(|| Arc::new(Channel::new(stock)));
            (Arc::clone(channel), channel.add(user, mode))
        };
        if added.users == 1 {
            self.wanted.fetch_add(1, Relaxed);
        }
        (channel, added)
    }

    /// Removes a user from the stock, and returns how many remain.
    pub(crate) fn remove(&self, channel: &UserChannel, key: SubscriberKey, mode: Mode) -> usize {
        let users = channel.remove(key, mode);
        if users == 0 {
            self.wanted.fetch_sub(1, Relaxed);
        }
        users
    }

    pub(crate) fn wanted(&self) -> u64 {
        // May be negative for a moment: users are counted after the channel's lock is released, so the
        // last user of a stock may be subtracted before its first user is added.
        u64::try_from(self.wanted.load(Relaxed)).unwrap_or(0)
    }

    pub(crate) fn is_wanted(&self, stock: &Stock) -> bool {
        let map = self.map.lock();
        map.get(stock).is_some_and(|channel| channel.has_users())
    }

    /// Forgets a stock that has no users; one that has some again is kept.
    pub(crate) fn forget(&self, stock: &Stock) {
        let mut map = self.map.lock();
        if map.get(stock).is_some_and(|channel| !channel.has_users()) {
            map.remove(stock);
        }
    }

    /// Forgets the stocks that have no users, and returns all others.
    pub(crate) fn forget_unwanted(&self) -> Vec<Stock> {
        let mut map = self.map.lock();
        map.retain(|_, channel| channel.has_users());
        map.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.lock().len()
    }

    /// The stocks that have users, by name.
    pub(crate) fn users(&self) -> Vec<StockUsers> {
        let users = |channel: &Arc<UserChannel>| StockUsers {
            stock: channel.stock,
            users: channel.lock().users(),
        };
        let mut stocks: Vec<StockUsers> = self
            .map
            .lock()
            .values()
            .map(users)
            .filter(|stock| stock.users > 0)
            .collect();
        stocks.sort_unstable_by_key(|stock| stock.stock);
        stocks
    }
}
