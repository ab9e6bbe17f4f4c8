//! What is counted while the games are played.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The counters of one demonstration, shared by all players.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    /// How many requests were answered. A `watch`, because the story goes on when it changes.
    answered: watch::Sender<u64>,
}

/// What was counted so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// By the server's number.
    pub(super) servers: BTreeMap<usize, Requests>,
    /// Sent again and found done: the server had obeyed, and then its answer was lost.
    pub(super) found_done: u64,
    /// "There is no such game", about a game that had been added.
    pub(super) unknown_game: u64,
    /// "That is not the next move", from a server that missed those before.
    pub(super) not_next: u64,
    /// Games that were read without moves that had been sent.
    pub(super) read_without: u64,
    /// Answers with any other status.
    pub(super) other: u64,
}

/// The requests that were sent to one server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requests {
    /// It gave an answer, whichever.
    pub(super) answered: u64,
    /// It gave none, or none of use (503), and another was asked instead.
    pub(super) retried: u64,
}

impl Tally {
    /// Changes whenever a request was answered.
    pub(super) fn answered(&self) -> watch::Receiver<u64> {
        self.answered.subscribe()
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    pub(super) fn answer_from(&self, server: usize) {
        self.change(|counts| counts.servers.entry(server).or_default().answered += 1);
        self.answered.send_modify(|answered| *answered += 1);
    }

    pub(super) fn no_answer_from(&self, server: usize) {
        self.change(|counts| counts.servers.entry(server).or_default().retried += 1);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    pub(super) fn requests(&self) -> u64 {
        self.servers.values().map(|server| server.answered).sum()
    }

    pub(super) fn retried(&self) -> u64 {
        self.servers.values().map(|server| server.retried).sum()
    }
}
