//! What the heartbeat knows of one user. It lives beside the user's socket, which writes to it, and
//! below the heartbeat, which reads it: so neither of the two has to know the other.

use std::sync::atomic::{AtomicU8, Ordering};

/// Rounds in each `ping_every`. With two, a ping comes after `ping_every` at least, and after one and
/// a half of it at most: with 25 s, in time for those 50 s.
pub(crate) const ROUNDS: u32 = 2;

/// How many pings in a row may stay unanswered: a phone in a tunnel has a minute to come out of it.
const UNANSWERED_PINGS: u8 = 2;

/// What the heartbeat knows of one user.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// How many rounds in a row have found nothing written to the user.
    quiet: AtomicU8,
    /// How many pings were sent since the user sent anything.
    unanswered: AtomicU8,
}

/// What a user is due in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    /// It has not answered: a cable was pulled, or a proxy has forgotten it.
    Eviction,
}

impl Pulse {
    /// Something was written to the user. It stands in the way of each price, so it is one store.
    pub(crate) fn written(&self) {
        self.quiet.store(0, Ordering::Relaxed);
    }

    /// The user has sent something.
    pub(crate) fn heard(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// Looks at the user, once a round.
    pub(crate) fn due(&self) -> Due {
        if u32::from(self.quiet.fetch_add(1, Ordering::Relaxed)) < ROUNDS {
            return Due::Nothing;
        }
        match self.unanswered.fetch_add(1, Ordering::Relaxed) {
            0..UNANSWERED_PINGS => Due::Ping,
            _ => Due::Eviction,
        }
    }
}
