//! All users of this server, and how many there may be.

use std::sync::Arc;

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

use crate::session::Session;

/// The sessions of all users. The manager knows users by what they follow; here they are known by a
/// key, which is what a limit, a heartbeat and the end need. (The heartbeat's test has sessions of
/// its own, without sockets.)
#[derive(Debug)]
pub(crate) struct Sessions<S = Session> {
    /// `None` while the user is in the middle of its handshake.
    slots: Mutex<Slab<Option<Arc<S>>>>,
    max: usize,
    /// Notified when the last user has left.
    empty: Notify,
}

impl<S> Sessions<S> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            slots: Mutex::default(),
            max,
            empty: Notify::new(),
        }
    }

    /// Gives a permit for one more user, if there may be one.
    pub(crate) fn permit(&'static self) -> Option<SessionPermit<S>> {
        let mut slots = self.slots.lock();
        if slots.len() >= self.max {
            return None;
        }
        let key = u32::try_from(slots.vacant_key()).ok()?;
        slots.insert(None);
        Some(SessionPermit {
            sessions: self,
            key,
        })
    }

    /// How many permits are given.
    pub(crate) fn len(&self) -> usize {
        self.slots.lock().len()
    }

    /// The sessions in `count` slots from `start`. No lock is held between two of these.
    pub(crate) fn slice(&self, start: usize, count: usize) -> Vec<Arc<S>> {
        let slots = self.slots.lock();
        let keys = start..start.saturating_add(count).min(slots.capacity());
        keys.filter_map(|key| slots.get(key).cloned().flatten())
            .collect()
    }

    /// How many slots there are, whether a session is in them or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots.lock().capacity()
    }

    /// Waits until there are no users.
    pub(crate) async fn emptied(&self) {
        while self.len() > 0 {
            self.empty.notified().await;
        }
    }
}

/// The right to be one of this server's users, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct SessionPermit<S: 'static = Session> {
    sessions: &'static Sessions<S>,
    key: u32,
}

impl<S> SessionPermit<S> {
    /// From now on the user gets pings and, at the end, a close frame.
    pub(crate) fn register(&self, session: &Arc<S>) {
        if let Some(slot) = self.sessions.slots.lock().get_mut(self.key as usize) {
            *slot = Some(Arc::clone(session));
        }
    }
}

impl<S: 'static> Drop for SessionPermit<S> {
    fn drop(&mut self) {
        let mut slots = self.sessions.slots.lock();
        slots.try_remove(self.key as usize);
        if slots.is_empty() {
            self.sessions.empty.notify_one();
        }
    }
}
