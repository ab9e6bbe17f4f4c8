//! The only connection between a user and the manager.

use crate::{Disconnected, Outlet, UserId, shared::Shared, user::User};
use std::{fmt, sync::Arc};

/// A user that the manager knows. Only [`connect`](crate::PubSubManager::connect) makes one, it
/// cannot be cloned, and it leaves every stock when it is dropped.
#[must_use = "a connection that is dropped leaves at once"]
pub struct Connection<O: Outlet> {
    user: Arc<User<O>>,
    pub(crate) shared: Arc<Shared>,
}

impl<O: Outlet> Connection<O> {
    /// Makes the user known; what it is told first is the status of the feed.
    pub(crate) fn new(id: UserId, outlet: O, shared: &Arc<Shared>) -> Result<Self, Disconnected> {
        shared.open()?;
        let connection = Self {
            user: Arc::new(User::new(id, outlet)),
            shared: Arc::clone(shared),
        };
        let user = connection.user();
        let ticket = shared.enter(Arc::clone(&user));
        user.lock().ticket = Some(ticket);
        user.tell_status(shared);
        Ok(connection)
    }

    /// The number that the caller gave the user.
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// The way to the user, as it was given to `connect`: the caller reads from the same socket
    /// that the manager writes to.
    pub fn outlet(&self) -> &O {
        &self.user.outlet
    }

    /// Sends a reply of the caller's own, in order with the prices and never skipped. If the user
    /// does not read it waits; over 32 KiB of waiting replies the manager gives the user up.
    pub fn send(&self, bytes: &[u8]) {
        let user = self.user();
        let mut state = user.lock();
        user.reply(&mut state, bytes, &self.shared);
    }

    /// The user leaves every stock, and `last` is the last that it is told: after the replies that
    /// wait for it, and after the rest of a price that was cut. When the outlet has taken it, or at
    /// once if it does, the outlet is told to [`finish`](Outlet::finish). The first time counts.
    pub fn leave(&self, last: &[u8]) {
        let user = self.user();
        let mut state = user.lock();
        self.shared.leave(&user, &mut state);
        user.take_leave(&mut state, last, &self.shared);
    }

    pub(crate) fn user(&self) -> Arc<User> {
        Arc::clone(&self.user) as Arc<User>
    }
}

impl<O: Outlet> Drop for Connection<O> {
    fn drop(&mut self) {
        let user = self.user();
        let mut state = user.lock();
        state.leave_off();
        self.shared.leave(&user, &mut state);
    }
}

impl<O: Outlet> fmt::Debug for Connection<O> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Connection({})", self.user.id)
    }
}
