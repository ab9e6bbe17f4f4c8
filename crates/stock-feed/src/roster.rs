//! Who is here: a seat for every user, so that nobody need stand when the house is full.

use std::sync::Arc;

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

use crate::session::Session;

/// All users of this server. The manager knows them by what they follow; here they are known
/// by their seats, which is what a limit, a heartbeat and a farewell need.
#[derive(Debug)]
pub(crate) struct Roster {
    /// `None` is a seat that is kept for a user in the middle of its handshake.
    seats: Mutex<Slab<Option<Arc<Session>>>>,
    most: usize,
    /// Told when the last user has left.
    empty: Notify,
}

impl Roster {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            seats: Mutex::default(),
            most,
            empty: Notify::new(),
        }
    }

    /// Keeps a seat, if there is one.
    pub(crate) fn seat(&'static self) -> Option<Seat> {
        let mut seats = self.seats.lock();
        if seats.len() >= self.most {
            return None;
        }
        let key = u32::try_from(seats.vacant_key()).ok()?;
        seats.insert(None);
        Some(Seat { roster: self, key })
    }

    /// How many seats are taken.
    pub(crate) fn len(&self) -> usize {
        self.seats.lock().len()
    }

    /// The users in `count` places from `start`. Whoever walks holds no lock between two
    /// stretches.
    pub(crate) fn stretch(&self, start: usize, count: usize) -> Vec<Arc<Session>> {
        let seats = self.seats.lock();
        let places = start..start.saturating_add(count).min(seats.capacity());
        places
            .filter_map(|key| seats.get(key).cloned().flatten())
            .collect()
    }

    /// How many places a whole walk passes.
    pub(crate) fn places(&self) -> usize {
        self.seats.lock().capacity()
    }

    /// Waits until nobody is here.
    pub(crate) async fn emptied(&self) {
        while self.len() > 0 {
            self.empty.notified().await;
        }
    }
}

/// One user's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    roster: &'static Roster,
    key: u32,
}

impl Seat {
    /// From now on the user in this seat gets pings and, at the end, a farewell.
    pub(crate) fn sit(&self, session: &Arc<Session>) {
        if let Some(seat) = self.roster.seats.lock().get_mut(self.key as usize) {
            *seat = Some(Arc::clone(session));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.roster.seats.lock();
        seats.try_remove(self.key as usize);
        if seats.is_empty() {
            self.roster.empty.notify_one();
        }
    }
}
