//! The only connection between a user and the hub.

use crate::{Socket, UserId, pace::Mode, registry::Registry, user::User};
use std::{fmt, sync::Arc};

/// A user that the hub knows. Only [`connect`](crate::Hub::connect) makes one, it cannot be cloned, and
/// dropping it disconnects the user and ends all of its subscriptions.
#[must_use = "dropping a connection disconnects its user"]
pub struct Connection<S: Socket> {
    user: Arc<User<S>>,
    registry: Arc<Registry>,
}

impl<S: Socket> Connection<S> {
    /// Registers the user, and sends it the status of the feed.
    pub(crate) fn new(id: UserId, socket: S, mode: Mode, registry: &Arc<Registry>) -> Self {
        let connection = Self {
            user: Arc::new(User::new(id, socket, mode)),
            registry: Arc::clone(registry),
        };
        registry.add(&connection.user());
        connection
    }

    /// The number that the caller gave the user.
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// The socket that was given to `connect`: the caller reads from the same one that the hub
    /// writes to.
    pub fn socket(&self) -> &S {
        &self.user.socket
    }

    /// Sends a reply of the caller's own, in order with the prices and never skipped. It waits if the
    /// user does not read; the hub evicts a user for whom more than 32 KiB of replies wait.
    pub fn send(&self, bytes: &[u8]) {
        let user = self.user();
        let mut state = user.lock();
        user.reply(&mut state, bytes, &self.registry.delivery);
    }

    /// Ends all of the user's subscriptions, and sends `final_frame` as the last thing: after the
    /// replies that wait for it, and after the rest of a price that was cut. When the socket has taken
    /// the frame, immediately if it can, it is [shut down](Socket::shutdown). Only the first call has
    /// an effect.
    pub fn close(&self, final_frame: &[u8]) {
        let user = self.user();
        let mut state = user.lock();
        self.registry.remove(&user, &mut state);
        user.close(&mut state, final_frame, &self.registry.delivery);
    }

    pub(crate) fn user(&self) -> Arc<User> {
        Arc::clone(&self.user) as Arc<User>
    }
}

impl<S: Socket> Drop for Connection<S> {
    fn drop(&mut self) {
        let user = self.user();
        let mut state = user.lock();
        state.end();
        self.registry.remove(&user, &mut state);
    }
}

impl<S: Socket> fmt::Debug for Connection<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Connection({})", self.user.id)
    }
}
