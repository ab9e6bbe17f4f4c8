//! What the heartbeat knows of one user: it is kept beside the user's socket, which updates it, and the
//! heartbeat reads it.

use std::sync::atomic::{AtomicU8, Ordering};

/// Rounds in each `ping_every`. With two, a ping is sent after `ping_every` at least, and after one and
/// a half of it at most: with 25 s, in time for those 50 s.
pub(crate) const ROUNDS: u32 = 2;

/// How many pings in a row may stay unanswered: a phone in a tunnel has a minute to come out of it.
const MAX_UNANSWERED: u8 = 2;

/// What was written to a user and received from it since the heartbeat's last visits. Both counters are
/// written by two tasks without a lock: a ping that is one round early or late does no harm.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// How many rounds in a row have found nothing written to the user. The fan-out resets it at each
    /// price, the heartbeat counts it up.
    quiet: AtomicU8,
    /// How many pings were sent since the user sent anything. The user's task resets it, the heartbeat
    /// counts it up.
    unanswered: AtomicU8,
}

/// What a user is due in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    /// It has not answered: a cable was pulled, or a proxy has dropped the connection.
    Eviction,
}

impl Pulse {
    /// Something was written to the user. Every price comes through here, so it is one store.
    pub(crate) fn written(&self) {
        self.quiet.store(0, Ordering::Relaxed);
    }

    /// The user has sent something: a pong, a request, half a frame.
    pub(crate) fn on_received(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// Counts a round, and says what the user is due. A user that received something in the last
    /// [`ROUNDS`] rounds needs no ping: the proxy has seen traffic, and that is all a ping is for.
    pub(crate) fn due(&self) -> Due {
        if u32::from(self.quiet.fetch_add(1, Ordering::Relaxed)) < ROUNDS {
            return Due::Nothing;
        }
        match self.unanswered.fetch_add(1, Ordering::Relaxed) {
            0..MAX_UNANSWERED => Due::Ping,
            _ => Due::Eviction,
        }
    }
}
