//! Who is connected, and who is subscribed to what.

use crate::{
    Feed, HubEvent, HubOptions, Price, Stock, UserId,
    channels::Channels,
    delivery::Delivery,
    dirty::Dirty,
    pace::Mode,
    subscribers::Subscribers,
    user::{State, Subscription, User},
};
use parking_lot::Mutex;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tokio::runtime::Handle;

/// The users of a hub and their subscriptions; what each connection keeps of its hub.
pub(crate) struct Registry {
    /// Every user, for what is sent to all of them. Written when a user connects, and when it
    /// disconnects, under that user's own lock; the fan-out reads a slice of it and writes to no user
    /// before it has released the lock.
    pub(crate) users: Mutex<Subscribers<Arc<User>>>,
    pub(crate) channels: Channels,
    pub(crate) dirty: Dirty,
    /// In an `Arc` of its own because the task of a user that lags keeps it and nothing else.
    pub(crate) delivery: Arc<Delivery>,
}

impl Registry {
    pub(crate) fn new(options: HubOptions, runtime: Handle) -> Self {
        Self {
            users: Mutex::default(),
            channels: Channels::default(),
            dirty: Dirty::default(),
            delivery: Arc::new(Delivery::new(options, runtime)),
        }
    }

    pub(crate) fn add(&self, user: &Arc<User>) {
        let key = self.users.lock().add(Arc::clone(user));
        user.lock().key = Some(key);
        user.send_status(&self.delivery);
    }

    /// Adds the user to the stock's channel. The caller holds the user's lock, and keeps the
    /// subscription.
    pub(crate) fn subscribe(
        &self,
        user: Arc<User>,
        mode: Mode,
        stock: Stock,
    ) -> (Subscription, Option<Price>) {
        let id = user.id;
        let (channel, added) = self.channels.add(user, stock, mode);
        if added.users == 1 {
            self.dirty.mark(stock);
        }
        let subscriptions = &self.delivery.counters.subscriptions;
        subscriptions.fetch_add(1, Relaxed);
        let subscription = Subscription {
            channel,
            last_seq: added.last_seq,
            key: added.key,
            last_status: Feed::Live,
        };
        self.delivery.emit(|| HubEvent::UserSubscribed {
            user: id,
            stock,
            users: added.users,
        });
        (subscription, added.last)
    }

    /// Removes a subscription from its channel; the caller has removed it from the user's state.
    pub(crate) fn unsubscribe(&self, user: UserId, mode: Mode, subscription: &Subscription) {
        let stock = subscription.channel.stock;
        let users = self
            .channels
            .remove(&subscription.channel, subscription.key, mode);
        if users == 0 {
            self.dirty.mark(stock);
        }
        let subscriptions = &self.delivery.counters.subscriptions;
        subscriptions.fetch_sub(1, Relaxed);
        self.delivery
            .emit(|| HubEvent::UserUnsubscribed { user, stock, users });
    }

    /// Removes the user and all its subscriptions. The cost depends on what this user had, not on how
    /// many users there are.
    pub(crate) fn remove(&self, user: &User, state: &mut State) {
        let mode = state.mode;
        for subscription in state.subscriptions.drain(..) {
            self.unsubscribe(user.id, mode, &subscription);
        }
        // Taken, because a closed connection is dropped later and removed again: by then the key may be
        // another user's.
        if let Some(key) = state.key.take() {
            self.users.lock().remove(key);
        }
    }
}
