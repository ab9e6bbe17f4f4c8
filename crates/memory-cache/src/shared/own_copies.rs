//! What one server has read from the Redis, until Redis says that it is old.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use game::{Game, GameId};
use moka::ops::compute::Op;
use moka::sync::Cache;
use redis::{PushInfo, PushKind, Value};

use super::copies::id_of;

/// Copies of what this server has read on one connection. Redis remembers by connection what a client
/// has read, and sends `invalidate` once, when such a key is next changed. So these copies are as good
/// as that connection, and are dropped with it: a field of the connection cannot be forgotten when it
/// is made again. Clones are the same copies.
///
/// The redis crate has such a cache (its feature `cache-aio`, which it calls experimental), and in its
/// version 1.8.1 it shows old values for up to half an hour, in two cases:
///
/// - The connection is lost. `MultiplexedConnection` answers from the copies and never notices.
/// - Redis answers, and the key is changed before the task that asked runs again. Then the copy is put in
///   after it was invalidated. Lettuce has the same fault (its issue 3481).
///
/// `tests/many_servers/tracking.rs` shows both.
#[derive(Clone)]
pub struct OwnCopies {
    slots: Cache<GameId, Slot>,
    asked: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Slot {
    /// Redis has been asked, and has not pushed anything about this game since.
    Asked(u64),
    Kept(Arc<Game>),
}

/// One question to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(u64);

impl OwnCopies {
    /// At most so many copies. Each is used for at most this time after it was read from Redis, where it
    /// may be as old as that.
    pub fn new(capacity: u64, time_to_live: Duration) -> Self {
        let slots = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(time_to_live)
            .build();
        Self {
            slots,
            asked: Arc::default(),
        }
    }

    /// A copy that Redis has not called old.
    pub fn get(&self, id: &GameId) -> Option<Arc<Game>> {
        match self.slots.get(id) {
            Some(Slot::Kept(game)) => Some(game),
            Some(Slot::Asked(_)) | None => None,
        }
    }

    /// To be called before Redis is asked for the game.
    pub fn ask(&self, id: &GameId) -> Asked {
        let asked = self.asked.fetch_add(1, Relaxed);
        self.slots.insert(id.clone(), Slot::Asked(asked));
        Asked(asked)
    }

    /// Keeps what Redis answered, unless it has called the game old since. Its answer and its push come on
    /// one connection, in this order; but the answer wakes a task, and the push may be heeded before that
    /// task runs.
    pub fn keep(&self, id: &GameId, asked: Asked, game: Arc<Game>) {
        let slot = self.slots.entry_by_ref(id);
        slot.and_compute_with(|slot| match slot.map(moka::Entry::into_value) {
            Some(Slot::Asked(number)) if number == asked.0 => Op::Put(Slot::Kept(game)),
            _ => Op::Nop,
        });
    }

    /// Drops the copy, and the place of one that is being read.
    pub fn forget(&self, id: &GameId) {
        // `invalidate` does not wait for a `keep` of the same game, which may put its copy in afterwards.
        self.slots.entry_by_ref(id).and_compute_with(|_| Op::Remove);
    }

    /// Drops what Redis calls old: the games that it names, or all after a FLUSHALL.
    pub fn heed(&self, push: &PushInfo) {
        if push.kind != PushKind::Invalidate {
            return;
        }
        match push.data.as_slice() {
            [Value::Array(keys)] => {
                let names = keys.iter().filter_map(|key| match key {
                    Value::BulkString(key) => std::str::from_utf8(key).ok(),
                    _ => None,
                });
                names.filter_map(id_of).for_each(|id| self.forget(&id));
            }
            _ => self.slots.iter().for_each(|(id, _)| self.forget(&id)),
        }
    }

    /// How many copies are kept now.
    pub fn entries(&self) -> u64 {
        self.slots.run_pending_tasks();
        self.slots.entry_count()
    }
}
