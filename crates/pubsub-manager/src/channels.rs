//! The stocks of this server, and where the keeper is to look.

use crate::{
    Stock,
    channel::{Channel, Joined},
    roster::Ticket,
    stats::StockUsers,
    user::User,
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Notify;

/// Every stock that has users, and those that the keeper has not left yet.
#[derive(Default)]
pub(crate) struct Channels {
    map: Mutex<HashMap<Stock, Arc<Channel>>>,
    /// Stocks whose first user came or whose last one left: not what changed, only where to look.
    changed: Mutex<Vec<Stock>>,
    /// Wakes the keeper.
    pub(crate) wake: Notify,
}

impl Channels {
    pub(crate) fn get(&self, stock: &Stock) -> Option<Arc<Channel>> {
        self.map.lock().get(stock).cloned()
    }

    /// Adds the user to the stock, whose channel is made if this is its first user here.
    pub(crate) fn join(&self, user: Arc<User>, stock: Stock) -> (Arc<Channel>, Joined) {
        let (channel, joined) = {
            // The map stays locked while the user is added, so that the keeper cannot take the
            // channel out between.
            let mut map = self.map.lock();
            let channel = map
                .entry(stock)
                .or_insert_with(|| Arc::new(Channel::new(stock)));
            (Arc::clone(channel), channel.join(user))
        };
        if joined.users == 1 {
            self.look_at(stock);
        }
        (channel, joined)
    }

    /// Takes a user out of the stock, and tells how many stay.
    pub(crate) fn leave(&self, channel: &Channel, ticket: Ticket) -> usize {
        let users = channel.leave(ticket);
        if users == 0 {
            self.look_at(channel.stock);
        }
        users
    }

    fn look_at(&self, stock: Stock) {
        self.changed.lock().push(stock);
        self.wake.notify_one();
    }

    /// The stocks to look at, each with whether it has users now.
    pub(crate) fn take_changed(&self) -> Vec<(Stock, bool)> {
        let changed = std::mem::take(&mut *self.changed.lock());
        if changed.is_empty() {
            // The usual case, with each price.
            return Vec::new();
        }
        let map = self.map.lock();
        let wanted = |stock: Stock| {
            (
                stock,
                map.get(&stock).is_some_and(|channel| channel.has_users()),
            )
        };
        changed.into_iter().map(wanted).collect()
    }

    /// Forgets a stock that has no users; one that has some again is kept.
    pub(crate) fn forget(&self, stock: &Stock) {
        let mut map = self.map.lock();
        if map.get(stock).is_some_and(|channel| !channel.has_users()) {
            map.remove(stock);
        }
    }

    /// Every stock that has users, for a keeper that begins anew; the others are forgotten.
    pub(crate) fn forget_the_empty(&self) -> Vec<Stock> {
        let mut map = self.map.lock();
        map.retain(|_, channel| channel.has_users());
        map.keys().copied().collect()
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

    /// How many stocks take up memory here, followed or not.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.map.lock().len()
    }
}
