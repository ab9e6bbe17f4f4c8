//! The database of a fleet: slow, and counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game::GameId;
use thiserror::Error;
use tokio::time::sleep;

use super::Answer;

/// Clones are the same database.
#[derive(Clone, Debug)]
pub struct Database {
    takes: Duration,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    games: BTreeMap<GameId, u32>,
    loads: u64,
    under_way: u64,
    at_once: u64,
    failures: u64,
}

/// The database did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the database does not answer; try again")]
pub struct LoadFailed;

impl Database {
    /// An empty one. It reads a game at once, and its answer arrives after this time.
    pub fn new(takes: Duration) -> Self {
        Self {
            takes,
            inner: Arc::default(),
        }
    }

    /// Makes a game, or adds a move to it.
    pub fn add(&self, id: &GameId) -> Answer {
        let mut inner = self.inner();
        let moves = inner.games.entry(id.clone());
        Answer::Moves(*moves.and_modify(|moves| *moves += 1).or_insert(0))
    }

    /// What it says of a game.
    ///
    /// # Errors
    /// Loads are set to fail.
    pub async fn load(&self, id: &GameId) -> Result<Answer, LoadFailed> {
        let (found, fails) = {
            let mut inner = self.inner();
            inner.loads += 1;
            inner.under_way += 1;
            inner.at_once = inner.at_once.max(inner.under_way);
            let fails = inner.failures > 0;
            inner.failures = inner.failures.saturating_sub(1);
            (inner.games.get(id).copied(), fails)
        };
        sleep(self.takes).await;
        self.inner().under_way -= 1;
        match (fails, found) {
            (true, _) => Err(LoadFailed),
            (false, None) => Ok(Answer::NoSuchGame),
            (false, Some(moves)) => Ok(Answer::Moves(moves)),
        }
    }

    /// Lets the next loads fail.
    pub fn fail_next(&self, loads: u64) {
        self.inner().failures = loads;
    }

    /// How many loads there were, and how many at the same time at most.
    pub fn loads(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.loads, inner.at_once)
    }

    /// Counts from zero again.
    pub fn forget_loads(&self) {
        let mut inner = self.inner();
        (inner.loads, inner.at_once) = (0, inner.under_way);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
