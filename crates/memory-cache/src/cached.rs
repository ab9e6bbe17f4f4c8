//! Lesson 1's store with a cache around it.

use std::sync::Arc;
use std::time::Duration;

use game::{Game, GameId, Move};
use moka::future::Cache;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use stateless_server::api::DEADLINE;
use stateless_server::store::{Added, Store, StoreError};
use tokio::time::timeout;

use crate::counted::Counts;
use crate::moves_after;
use crate::own_task::in_own_task;

/// A store whose games are kept in this process for a while after they were read.
///
/// moka and not a map of our own: entries end by themselves and their number is bounded, and of a
/// hundred requests for a game that is not there, one asks the store and the others wait for it.
#[derive(Clone)]
pub struct Cached<S> {
    store: S,
    copies: Cache<GameId, Arc<Game>>,
    /// How many moves a game had when it was last changed through this server.
    changed: Cache<GameId, usize>,
    counts: Arc<Counts>,
}

impl<S: Store> Cached<S> {
    /// Copies are at most so old, and at most so many.
    pub fn new(store: S, time_to_live: Duration, capacity: u64, counts: Arc<Counts>) -> Self {
        let copies = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(time_to_live)
            .build();
        // moka's own policy refuses a new entry for one that is asked for more often. A change must
        // not be refused, and must be known for as long as a load that began before it may last.
        let changed = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(time_to_live + DEADLINE)
            .build();
        Self {
            store,
            copies,
            changed,
            counts,
        }
    }

    /// How many copies are kept now.
    pub async fn entries(&self) -> u64 {
        self.copies.run_pending_tasks().await;
        self.copies.entry_count()
    }

    /// A copy, or what the store answers.
    async fn copy(&self, id: &GameId) -> Result<Arc<Game>, StoreError> {
        if let Some(copy) = self.copies.get(id).await {
            self.counts.hit();
            return Ok(copy);
        }
        let (server, id) = (self.clone(), id.clone());
        in_own_task(async move { server.loaded(&id).await }).await
    }

    /// What the store answers, by one load for all who wait for it. A load that fails is an error for
    /// them all, and is not kept.
    async fn loaded(&self, id: &GameId) -> Result<Arc<Game>, StoreError> {
        let load = async {
            let loaded = timeout(DEADLINE, self.store.game(id)).await;
            let loaded = loaded.unwrap_or_else(|_| Err(StoreError::not_in_time()));
            loaded.map(Arc::new)
        };
        let entry = self.copies.entry_by_ref(id).or_try_insert_with(load).await;
        let entry = entry.map_err(|error: Arc<StoreError>| {
            self.counts.miss();
            error.repeat()
        })?;
        if entry.is_fresh() {
            self.counts.miss();
        } else {
            self.counts.hit();
        }
        Ok(entry.into_value())
    }

    /// This server forgets its copy; no other server knows of it.
    async fn forget(&self, id: &GameId, moves: usize) {
        let newest = |entry: Option<moka::Entry<GameId, usize>>| {
            moves.max(entry.map_or(0, moka::Entry::into_value))
        };
        let entry = self.changed.entry_by_ref(id);
        entry.and_upsert_with(async |entry| newest(entry)).await;
        self.copies.invalidate(id).await;
    }

    /// And keeps a newer one: of many who found the old copy, another may have loaded it by now.
    async fn forget_copies_before(&self, id: &GameId, newest: usize) {
        let old = async |entry: Option<moka::Entry<GameId, Arc<Game>>>| match entry {
            Some(entry) if entry.value().moves.len() < newest => Op::Remove,
            _ => Op::Nop,
        };
        let entry = self.copies.entry_by_ref(id);
        entry.and_compute_with(old).await;
    }
}

impl<S: Store> Store for Cached<S> {
    async fn add_game(&self, game: &Game) -> Result<Added, StoreError> {
        self.store.add_game(game).await
    }

    async fn add_move(
        &self,
        id: &GameId,
        played: Move,
        number: Option<u32>,
    ) -> Result<(Added, u32), StoreError> {
        let (server, id) = (self.clone(), id.clone());
        in_own_task(async move {
            // A database that never answers must not keep tasks and connections without end.
            let answer = timeout(DEADLINE, server.store.add_move(&id, played, number)).await;
            let answer = answer.unwrap_or_else(|_| Err(StoreError::not_in_time()));
            if let Some(moves) = moves_after(&answer) {
                server.forget(&id, moves).await;
            }
            answer
        })
        .await
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        // A loader that began before a move may end after it: moka puts its copy in without looking
        // whether the game was forgotten meanwhile (guava has done the same since 2014, its issue
        // 1881). A game only grows, so the number of its moves shows which copy is old.
        for _ in 0..2 {
            let copy = self.copy(id).await?;
            let newest = self.changed.get(id).await.unwrap_or(0);
            if copy.moves.len() >= newest {
                return Ok(Arc::unwrap_or_clone(copy));
            }
            self.forget_copies_before(id, newest).await;
        }
        // Two more moves during two loads, or a database that has lost moves since.
        self.counts.miss();
        self.store.game(id).await
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        self.store.games(after, limit).await
    }
}
