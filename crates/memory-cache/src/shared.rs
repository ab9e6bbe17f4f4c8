//! One cache for all servers, in a Redis: a hop away, and old only until it took the eviction.

mod link;

use std::sync::Arc;
use std::time::Duration;

use game::{Game, GameId, Move};
use moka::future::Cache;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis_client::RedisUrl;
use stateless_server::api::DEADLINE;
use stateless_server::store::{Added, Store, StoreError};

use crate::counted::Counts;
use crate::moves_after;
use link::Link;

/// Puts a copy in unless what is there is of a longer game. A copy is `MOVES JSON`; after a move it is
/// `MOVES -`, which is no copy but tells how long the game is by now: so a loader that began before
/// the move cannot put its old copy in afterwards.
const PUT: &str = r#"
local kept = redis.pcall('GET', KEYS[1])
local moves = type(kept) == 'string' and tonumber(kept:match('^%d+'))
if moves and moves > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
"#;

/// A store whose copies are in a Redis that all servers share.
#[derive(Clone)]
pub struct Shared<S> {
    store: S,
    redis: Link,
    time_to_live: Duration,
    counts: Arc<Counts>,
    /// Loads under way, so that each server asks for a game once however many wait for it.
    loading: Cache<GameId, Arc<Game>>,
}

impl<S: Store> Shared<S> {
    /// Copies are in this Redis, at most so old.
    pub fn new(store: S, url: RedisUrl, time_to_live: Duration, counts: Arc<Counts>) -> Self {
        Self {
            store,
            redis: Link::new(url),
            time_to_live,
            counts,
            loading: Cache::builder().max_capacity(10_000).build(),
        }
    }

    /// Whether it was put in; no when Redis knows of a longer game, yes when Redis is away.
    async fn put(&self, id: &GameId, moves: usize, copy: &str, live: Duration) -> bool {
        let (key, live) = (key(id), live.as_millis() as u64);
        let put = async |mut connection: MultiplexedConnection| {
            let mut put = redis::cmd("EVAL");
            put.arg(PUT).arg(1).arg(key).arg(moves).arg(copy).arg(live);
            put.query_async::<bool>(&mut connection).await
        };
        self.redis.ask(put).await.unwrap_or(true)
    }

    async fn copy(&self, id: &GameId) -> Option<Game> {
        let key = key(id);
        let get = async |mut redis: MultiplexedConnection| redis.get::<_, Vec<u8>>(key).await;
        let kept = String::from_utf8(self.redis.ask(get).await?).ok()?;
        // What another program wrote here is a miss.
        let (moves, json) = kept.split_once(' ')?;
        let game: Game = serde_json::from_str(json).ok()?;
        (game.id == *id && moves == game.moves.len().to_string()).then_some(game)
    }

    async fn load(&self, id: &GameId) -> Result<Arc<Game>, StoreError> {
        if let Some(copy) = self.copy(id).await {
            self.counts.hit();
            return Ok(Arc::new(copy));
        }
        self.counts.miss();
        let game = self.store.game(id).await?;
        let json = serde_json::to_string(&game).expect("a game is JSON");
        let moves = game.moves.len();
        if self.put(id, moves, &json, self.time_to_live).await {
            return Ok(Arc::new(game));
        }
        // A move came during the load, and those who wait for it may have asked after the move.
        self.store.game(id).await.map(Arc::new)
    }
}

fn key(id: &GameId) -> String {
    format!("memory-cache:game:{id}")
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
        let answer = self.store.add_move(id, played, number).await;
        if let Some(moves) = moves_after(&answer) {
            // Known for as long as a load that began before the move may last.
            let live = self.time_to_live + DEADLINE;
            self.put(id, moves, "-", live).await;
        }
        answer
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        let entry = self.loading.entry_by_ref(id);
        let loaded = entry.or_try_insert_with(self.load(id)).await;
        let loaded = loaded.map_err(|error: Arc<StoreError>| error.repeat())?;
        if loaded.is_fresh() {
            self.loading.invalidate(id).await;
        } else {
            self.counts.hit();
        }
        Ok(Arc::unwrap_or_clone(loaded.into_value()))
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        self.store.games(after, limit).await
    }
}
