//! Prices to users that have a pace: at each user's turn the newest of all that it lacks, in one write.
//!
//! The fan-out of a price does not visit these users, so a price costs nothing for them; what they
//! lack is read from their stocks' channels when it is their turn. Twenty prices are one call of the kernel
//! instead of twenty, and that call is most of what a price costs.

use crate::{
    delivery::Delivery,
    frames::Frames,
    pace::Pace,
    turns::{TICK, Turn, Turns},
    user::User,
};
use parking_lot::Mutex;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    select,
    sync::Notify,
    task::yield_now,
    time::{Instant, sleep_until},
};

/// How many users are written to before other tasks run, as in the fan-out.
const SLICE: usize = 256;

/// Users with a pace, and the loop that visits them. Without such users the loop waits, and costs nothing.
pub(crate) struct Pacing {
    delivery: Arc<Delivery>,
    /// Written by connecting users and by the loop, for a few instructions each. The loop takes a slice out
    /// and releases the lock before it writes to a socket, so this is a leaf in the order of locks.
    turns: Mutex<Turns<User>>,
    /// The beginning of tick 0.
    since: Instant,
    /// Wakes the loop: a user was added whose turn comes before all others.
    sooner: Notify,
}

impl Pacing {
    pub(crate) fn new(delivery: Arc<Delivery>) -> Self {
        Self {
            delivery,
            turns: Mutex::default(),
            since: Instant::now(),
            sooner: Notify::new(),
        }
    }

    pub(crate) fn add(&self, user: &Arc<User>, pace: Pace) {
        let is_first = {
            let mut turns = self.turns.lock();
            let before = turns.first();
            turns.add(Arc::downgrade(user), pace, self.tick());
            turns.first() != before
        };
        // A wake-up for each of ten thousand users that connect would cost as much as a price to each.
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// Sends each user at its turn what it lacks, until the task that calls it is dropped.
    pub(crate) async fn run(&self) {
        let (mut slice, mut frames) = (Vec::new(), Frames::default());
        loop {
            self.send_due(&mut slice, &mut frames);
            let next = self.turns.lock().first();
            match next {
                // More are due than one slice: the fan-out, and the broker's task, have their turn first.
                Some(tick) if tick <= self.tick() => yield_now().await,
                Some(tick) => select! {
                    () = sleep_until(self.beginning_of(tick)) => {}
                    () = self.sooner.notified() => {}
                },
                None => self.sooner.notified().await,
            }
        }
    }

    /// Sends a slice of the users whose turn it is. Without an await: a slice that was taken is put back also
    /// if the hub ends now, and then [`flush`](Self::flush) finds all users.
    fn send_due(&self, slice: &mut Vec<Turn<User>>, frames: &mut Frames) {
        let now = self.tick();
        self.turns.lock().take_due(now, SLICE, slice);
        for turn in &*slice {
            self.send(&turn.user, frames);
        }
        let mut turns = self.turns.lock();
        slice.drain(..).for_each(|turn| turns.next(turn, now));
    }

    /// Sends every user with a pace what it lacks, without waiting for its turn.
    pub(crate) async fn flush(&self) {
        let (users, mut frames) = (self.turns.lock().users(), Frames::default());
        for slice in users.chunks(SLICE) {
            for user in slice {
                self.send(user, &mut frames);
            }
            yield_now().await;
        }
    }

    fn send(&self, user: &Weak<User>, frames: &mut Frames) {
        if let Some(user) = user.upgrade() {
            user.send_owed(frames, &self.delivery);
        }
    }

    /// The number of this tick.
    fn tick(&self) -> u64 {
        let milliseconds = u64::try_from(self.since.elapsed().as_millis());
        milliseconds.expect("no process runs for half a billion years") / TICK
    }

    fn beginning_of(&self, tick: u64) -> Instant {
        self.since + Duration::from_millis(tick * TICK)
    }
}
