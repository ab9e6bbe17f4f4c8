//! All users of this server, and how many there may be.

use std::sync::Arc;

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

use crate::session::Session;

/// The sessions of all users. The manager finds users by the stocks that they subscribe to; here they have
/// a key, which is what the limit, the heartbeat and the drain need. (The heartbeat's test has sessions of
/// its own, without sockets.)
#[derive(Debug)]
pub(crate) struct Sessions<S = Session> {
    /// `None` while the user's handshake is not finished. Written by connecting and leaving users, read by the
    /// heartbeat and the drain; never held over an await, nor while a session is visited.
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

    /// Gives a permit for one more user; none if the limit is reached.
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

    /// How many permits are in use.
    pub(crate) fn len(&self) -> usize {
        self.slots.lock().len()
    }

    /// The sessions in `count` slots from `start`. They are cloned, so that the lock is free while they are
    /// visited: a visited session may end, and its end takes the lock.
    pub(crate) fn slice(&self, start: usize, count: usize) -> Vec<Arc<S>> {
        let slots = self.slots.lock();
        let keys = start..start.saturating_add(count).min(slots.capacity());
        keys.filter_map(|key| slots.get(key).cloned().flatten())
            .collect()
    }

    /// How many slots there are, with a session in them or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots.lock().capacity()
    }

    /// Waits until no permit is in use.
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
    /// From now on the user is sent pings and, at the drain, a close frame.
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
