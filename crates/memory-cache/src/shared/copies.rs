//! The copies in the Redis, and the evictions that have not reached it yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game::{Game, GameId};
use redis_client::RedisUrl;
use stateless_server::api::DEADLINE;
use tokio::time::{Instant, sleep};

use super::redis_connection::{NoAnswer, REPLY_TIMEOUT, RETRY_AFTER, RedisConnection};
use crate::counted::Counts;

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

/// The copies that all servers share. Clones are the same copies.
#[derive(Clone)]
pub(super) struct Copies {
    redis: RedisConnection,
    time_to_live: Duration,
    counts: Arc<Counts>,
    /// Evictions that Redis has not taken: how many moves the game has, and when no copy from before can
    /// be left. Written by moves, emptied by the one task that sends them again. While there are any,
    /// this server uses no copy: it would show a player the board from before the player's own move.
    owed: Arc<Mutex<HashMap<GameId, Owed>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Owed {
    moves: usize,
    until: Instant,
}

impl Copies {
    /// With a capacity, this server keeps that many copies of its own of what it reads from the Redis.
    pub(super) async fn new(
        url: RedisUrl,
        time_to_live: Duration,
        own: Option<u64>,
        counts: Arc<Counts>,
    ) -> Self {
        let own = own.map(|capacity| (capacity, time_to_live));
        Self {
            redis: RedisConnection::new(url, REPLY_TIMEOUT, own, Arc::clone(&counts)).await,
            time_to_live,
            counts,
            owed: Arc::default(),
        }
    }

    /// A copy of this server's own, which needs no request.
    pub(super) fn own(&self, id: &GameId) -> Option<Arc<Game>> {
        if !self.owed().is_empty() {
            return None;
        }
        self.redis.line()?.own?.get(id)
    }

    /// How many copies this server keeps itself.
    pub(super) fn own_entries(&self) -> u64 {
        let own = self.redis.line().and_then(|line| line.own);
        own.map_or(0, |own| own.entries())
    }

    pub(super) async fn get(&self, id: &GameId) -> Option<Arc<Game>> {
        if !self.owed().is_empty() {
            return None;
        }
        let line = self.redis.line()?;
        // Redis remembers this reader from the moment it answers, so it is asked before that.
        let asked = line.own.as_ref().map(|own| own.ask(id));
        let get = redis::cmd("GET").arg(key(id)).to_owned();
        let kept = self.redis.ask_on(&line, &get).await;
        let game = kept.ok().and_then(|kept| read(kept, id)).map(Arc::new);
        if let (Some(own), Some(asked)) = (&line.own, asked) {
            match &game {
                Some(game) => own.keep(id, asked, Arc::clone(game)),
                None => own.forget(id),
            }
        }
        game
    }

    /// Keeps a copy, if Redis takes it. False means that a move came during the load, so the game that was
    /// loaded is old.
    pub(super) async fn keep(&self, game: &Game) -> bool {
        let moves = game.moves.len();
        let owed = self.owed().get(&game.id).copied();
        if let Some(owed) = owed {
            return owed.moves <= moves;
        }
        let json = serde_json::to_string(game).expect("a game is JSON");
        let put = self.put(&game.id, moves, &json, self.time_to_live).await;
        put.unwrap_or(true)
    }

    /// Takes the copy of a game that has so many moves now out of Redis, or sees to it later.
    pub(super) async fn evict(&self, id: &GameId, moves: usize) {
        // As long as a copy from before may be used, or a load that began before may last.
        let live = self.time_to_live + DEADLINE;
        let evicted = self.put(id, moves, "-", live).await;
        // Redis may push what we have changed ourselves after its answer, and the player who has just
        // moved reads next.
        if let Some(own) = self.redis.line().and_then(|line| line.own) {
            own.forget(id);
        }
        if evicted.is_ok() {
            return;
        }
        self.counts.late_eviction();
        // A Redis that is full, or whose user may not run scripts, may still delete. It counts as late,
        // because a load that began before the move may put its old copy in afterwards.
        if evicted != Err(NoAnswer::Refused) || !self.delete(id).await {
            self.owe(id, moves, live);
        }
    }

    async fn put(
        &self,
        id: &GameId,
        moves: usize,
        copy: &str,
        live: Duration,
    ) -> Result<bool, NoAnswer> {
        // Redis refuses a time to live of nothing.
        let (key, live) = (key(id), live.as_millis().max(1) as u64);
        let mut put = redis::cmd("EVAL");
        put.arg(PUT).arg(1).arg(key).arg(moves).arg(copy).arg(live);
        self.redis.ask(&put).await
    }

    async fn delete(&self, id: &GameId) -> bool {
        let delete = redis::cmd("DEL").arg(key(id)).to_owned();
        self.redis.ask::<u64>(&delete).await.is_ok()
    }

    fn owe(&self, id: &GameId, moves: usize, live: Duration) {
        let until = Instant::now() + live;
        let mut owed = self.owed();
        if owed.is_empty() {
            let longest = humantime::format_duration(self.time_to_live);
            tracing::warn!(
                "a move could not be evicted from Redis: for at most {longest}, other servers may answer \
                 with the copy from before it"
            );
            let copies = self.clone();
            tokio::spawn(async move { copies.send_owed().await });
        }
        let kept = owed.entry(id.clone()).or_insert(Owed { moves, until });
        *kept = Owed {
            moves: moves.max(kept.moves),
            until,
        };
    }

    /// Sends evictions again until none is owed. There is one such task, begun by the first of them: so
    /// the map becomes empty in one place only, just before the task ends.
    async fn send_owed(&self) {
        loop {
            sleep(RETRY_AFTER).await;
            let left = self.owed().clone();
            let mut sent = Vec::new();
            for (id, owed) in left {
                let live = owed.until.saturating_duration_since(Instant::now());
                if self.put(&id, owed.moves, "-", live).await.is_err() {
                    break;
                }
                sent.push((id, owed));
            }
            let mut owed = self.owed();
            for (id, sent) in sent {
                // Another move may have come while this one was sent.
                if owed.get(&id) == Some(&sent) {
                    owed.remove(&id);
                }
            }
            let now = Instant::now();
            owed.retain(|_, owed| now < owed.until);
            if owed.is_empty() {
                return;
            }
        }
    }

    fn owed(&self) -> MutexGuard<'_, HashMap<GameId, Owed>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept under a key, if it is a copy of this game: what another program wrote there is a miss.
fn read(kept: Vec<u8>, id: &GameId) -> Option<Game> {
    let kept = String::from_utf8(kept).ok()?;
    let (moves, json) = kept.split_once(' ')?;
    let game: Game = serde_json::from_str(json).ok()?;
    (game.id == *id && moves == game.moves.len().to_string()).then_some(game)
}

const PREFIX: &str = "memory-cache:game:";

fn key(id: &GameId) -> String {
    format!("{PREFIX}{id}")
}

/// The game whose key this is.
pub(super) fn id_of(key: &str) -> Option<GameId> {
    key.strip_prefix(PREFIX)?.parse().ok()
}
