//! What the servers of a fleet share.

pub(super) mod in_a_redis;
pub(super) mod in_process;

use std::time::Duration;

use game::GameId;

/// What the database says of a game. Both answers can be kept: every reader who follows an old link asks
/// for a game that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is no game with this id yet.
    NoSuchGame,
    /// The game has so many moves.
    Moves(u32),
}

impl Answer {
    /// Orders the answers about one game by their age: a game is made once, and then only grows.
    pub(super) fn version(self) -> u64 {
        match self {
            Self::NoSuchGame => 0,
            Self::Moves(moves) => u64::from(moves) + 1,
        }
    }

    pub(super) fn of_version(version: u64) -> Option<Self> {
        match version.checked_sub(1) {
            None => Some(Self::NoSuchGame),
            Some(moves) => Some(Self::Moves(u32::try_from(moves).ok()?)),
        }
    }
}

/// An answer as the cache keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// What the database said.
    pub answer: Answer,
    /// How long that load took.
    pub load_took: Duration,
    /// How long the answer may still be used.
    pub ends_in: Duration,
}

/// The cache cannot be reached, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// One cache for all servers. Clones are the same cache. Each method fails with [`Away`], and then has
/// done nothing that the caller may rely on.
pub trait CommonCache: Clone + Send + Sync + 'static {
    /// The answer that is kept for a game.
    fn get(&self, id: &GameId) -> impl Future<Output = Result<Option<Kept>, Away>> + Send;

    /// Keeps an answer, unless what is there is newer. The field `ends_in` says for how long.
    fn put(&self, id: &GameId, kept: Kept) -> impl Future<Output = Result<(), Away>> + Send;

    /// Ends every answer about a game that is older than this one, and lets none be put in for a while: a
    /// load that began before the change may end after it.
    fn end_before(
        &self,
        id: &GameId,
        newest: Answer,
        awhile: Duration,
    ) -> impl Future<Output = Result<(), Away>> + Send;

    /// Takes the right to load a game, if no other holder has it. It ends by itself after this time, so
    /// that a holder that dies stops the others for no longer.
    fn lease(
        &self,
        id: &GameId,
        holder: u64,
        at_most: Duration,
    ) -> impl Future<Output = Result<bool, Away>> + Send;

    /// Gives that right back, if this holder still has it.
    fn release(&self, id: &GameId, holder: u64) -> impl Future<Output = Result<(), Away>> + Send;
}
