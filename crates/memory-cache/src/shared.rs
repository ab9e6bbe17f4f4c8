//! One cache for all servers, in a Redis: a hop away, and old only until it took the eviction.
//!
//! With [`Shared::tracking`], each server keeps what it has read there, until Redis pushes that it is
//! old. Read [`own_copies`] for it.

mod copies;
pub mod own_copies;
pub(crate) mod redis_connection;

use std::sync::Arc;
use std::time::Duration;

use game::{Game, GameId, Move};
use moka::future::Cache;
use redis_client::RedisUrl;
use stateless_server::api::DEADLINE;
use stateless_server::store::{Added, Store, StoreError};
use tokio::time::timeout;

use crate::counted::Counts;
use crate::moves_after;
use crate::own_task::in_own_task;
use copies::Copies;

/// A store whose copies are in a Redis that all servers share.
#[derive(Clone)]
pub struct Shared<S> {
    store: S,
    copies: Copies,
    counts: Arc<Counts>,
    /// Loads under way, so that each server asks for a game once however many wait for it.
    loading: Cache<GameId, Arc<Game>>,
}

impl<S: Store> Shared<S> {
    /// Copies are in this Redis, at most so old. Waits for a first attempt to connect, for a second at
    /// most.
    pub async fn new(store: S, url: RedisUrl, time_to_live: Duration, counts: Arc<Counts>) -> Self {
        Self::with_own(store, url, time_to_live, None, counts).await
    }

    /// The same, and this server keeps at most `capacity` copies of its own of what it reads there. Redis
    /// remembers them, and pushes which are old.
    ///
    /// A copy of its own is old for as long as that push takes. If Redis is frozen or gone, for as long as
    /// it takes to notice: a second and 50 ms at most, and never longer than the time to live.
    pub async fn tracking(
        store: S,
        url: RedisUrl,
        time_to_live: Duration,
        capacity: u64,
        counts: Arc<Counts>,
    ) -> Self {
        Self::with_own(store, url, time_to_live, Some(capacity), counts).await
    }

    async fn with_own(
        store: S,
        url: RedisUrl,
        time_to_live: Duration,
        own: Option<u64>,
        counts: Arc<Counts>,
    ) -> Self {
        Self {
            store,
            copies: Copies::new(url, time_to_live, own, Arc::clone(&counts)).await,
            counts,
            loading: Cache::builder().max_capacity(10_000).build(),
        }
    }

    /// How many copies this server keeps itself.
    pub fn own_entries(&self) -> u64 {
        self.copies.own_entries()
    }

    /// A copy, or what the store answers, by one load for all who wait for it.
    ///
    /// It has to run to its end: what is in `loading` has no time to live, so a game that was left there
    /// by a request that went away would be shown until the process ends.
    async fn loaded(&self, id: &GameId) -> Result<Arc<Game>, StoreError> {
        let load = async {
            let loaded = timeout(DEADLINE, self.load(id)).await;
            loaded.unwrap_or_else(|_| Err(StoreError::not_in_time()))
        };
        let loaded = self.loading.entry_by_ref(id).or_try_insert_with(load).await;
        let loaded = loaded.map_err(|error: Arc<StoreError>| error.repeat())?;
        if loaded.is_fresh() {
            self.loading.invalidate(id).await;
        } else {
            self.counts.hit();
        }
        Ok(loaded.into_value())
    }

    async fn load(&self, id: &GameId) -> Result<Arc<Game>, StoreError> {
        if let Some(copy) = self.copies.get(id).await {
            self.counts.hit();
            return Ok(copy);
        }
        self.counts.miss();
        let game = self.store.game(id).await?;
        if self.copies.keep(&game).await {
            return Ok(Arc::new(game));
        }
        // A move came during the load, and those who wait for it may have asked after the move.
        self.store.game(id).await.map(Arc::new)
    }
}

impl<S: Store> Store for Shared<S> {
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
                server.copies.evict(&id, moves).await;
            }
            answer
        })
        .await
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        if let Some(copy) = self.copies.own(id) {
            self.counts.hit();
            return Ok(Arc::unwrap_or_clone(copy));
        }
        let (server, id) = (self.clone(), id.clone());
        let loaded = in_own_task(async move { server.loaded(&id).await }).await?;
        Ok(Arc::unwrap_or_clone(loaded))
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        self.store.games(after, limit).await
    }
}
