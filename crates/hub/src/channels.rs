//! The stocks of this server, and which of them the manager is to compare with the broker.

use crate::{
    Stock,
    channel::{Channel, Joined},
    stats::StockUsers,
    subscribers::SubscriberKey,
    user::User,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};
use tokio::sync::Notify;

/// Every stock that has users, and those that the manager has not left yet.
#[derive(Default)]
pub(crate) struct Channels {
    map: Mutex<HashMap<Stock, Arc<Channel>>>,
    /// Stocks whose first user came or whose last one left: not what changed, only where to look.
    dirty: Mutex<HashSet<Stock>>,
    pub(crate) changed: Notify,
    /// How many stocks have users.
    wanted: AtomicI64,
}

impl Channels {
    pub(crate) fn get(&self, stock: &Stock) -> Option<Arc<Channel>> {
        self.map.lock().get(stock).cloned()
    }

    /// Adds the user to the stock, whose channel is made if this is its first user here.
    pub(crate) fn join(&self, user: Arc<User>, stock: Stock) -> (Arc<Channel>, Joined) {
        let (channel, joined) = {
            // The map stays locked while the user is added, so that the manager cannot remove the
            // channel in between.
            let mut map = self.map.lock();
            let channel = map
                .entry(stock)
                .or_insert_with(|| Arc::new(Channel::new(stock)));
            (Arc::clone(channel), channel.join(user))
        };
        if joined.users == 1 {
            self.wanted.fetch_add(1, Relaxed);
            self.mark_dirty(stock);
        }
        (channel, joined)
    }

    /// Removes a user from the stock, and returns how many stay.
    pub(crate) fn leave(&self, channel: &Channel, key: SubscriberKey) -> usize {
        let users = channel.leave(key);
        if users == 0 {
            self.wanted.fetch_sub(1, Relaxed);
            self.mark_dirty(channel.stock);
        }
        users
    }

    fn mark_dirty(&self, stock: Stock) {
        self.dirty.lock().insert(stock);
        self.changed.notify_one();
    }

    pub(crate) fn take_dirty(&self) -> HashSet<Stock> {
        std::mem::take(&mut *self.dirty.lock())
    }

    pub(crate) fn dirty(&self) -> Vec<Stock> {
        self.dirty.lock().iter().copied().collect()
    }

    pub(crate) fn wanted(&self) -> u64 {
        // A leave may be counted just before the join that it ends.
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
        let users = |channel: &Arc<Channel>| StockUsers {
            stock: channel.stock,
            users: channel.lock().users.len(),
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
