//! What is counted, and a database that is far away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game::{Game, GameId, Move};
use serde::{Deserialize, Serialize};
use stateless_server::store::{Added, Store, StoreError};
use tokio::time::sleep;

/// How often games were read, and where from.
#[derive(Debug, Default)]
pub struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
    late_evictions: AtomicU64,
    /// What is wrong with the Redis now: by the name of the command that it refuses, or of the connection.
    troubles: Mutex<BTreeMap<String, String>>,
}

/// The answer to `GET /cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Reads that were answered from a copy.
    pub hits: u64,
    /// Reads that were not.
    pub misses: u64,
    /// How often the database was asked for a game.
    pub loads: u64,
    /// Copies that are kept now.
    pub entries: u64,
    /// Moves that Redis did not take the eviction of at once: for the time to live, other servers may have
    /// answered with the copy from before.
    pub late_evictions: u64,
    /// What is wrong with the Redis now, one sentence each; empty if it does all that it is asked.
    pub troubles: Vec<String>,
}

impl Counts {
    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Relaxed);
    }

    pub(crate) fn miss(&self) {
        self.misses.fetch_add(1, Relaxed);
    }

    pub(crate) fn late_eviction(&self) {
        self.late_evictions.fetch_add(1, Relaxed);
    }

    /// Notes what is wrong, and returns whether that is new.
    pub(crate) fn begin_trouble(&self, with: &str, what: &str) -> bool {
        let before = self.troubles().insert(with.to_owned(), what.to_owned());
        before.is_none()
    }

    /// Returns whether anything was wrong.
    pub(crate) fn end_trouble(&self, with: &str) -> bool {
        self.troubles().remove(with).is_some()
    }

    fn troubles(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was counted so far.
    pub fn read(&self) -> Counted {
        Counted {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            loads: self.loads.load(Relaxed),
            entries: 0,
            late_evictions: self.late_evictions.load(Relaxed),
            troubles: self.troubles().values().cloned().collect(),
        }
    }
}

/// A store that takes a while to answer, and counts how often it is asked for a game.
#[derive(Clone)]
pub struct Far<S> {
    store: S,
    away: Duration,
    counts: Arc<Counts>,
}

impl<S> Far<S> {
    /// The same store, so far away.
    pub fn new(store: S, away: Duration, counts: Arc<Counts>) -> Self {
        Self {
            store,
            away,
            counts,
        }
    }
}

impl<S: Store> Store for Far<S> {
    async fn add_game(&self, game: &Game) -> Result<Added, StoreError> {
        sleep(self.away).await;
        self.store.add_game(game).await
    }

    async fn add_move(
        &self,
        id: &GameId,
        played: Move,
        number: Option<u32>,
    ) -> Result<(Added, u32), StoreError> {
        sleep(self.away).await;
        self.store.add_move(id, played, number).await
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        self.counts.loads.fetch_add(1, Relaxed);
        sleep(self.away).await;
        self.store.game(id).await
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        sleep(self.away).await;
        self.store.games(after, limit).await
    }
}
