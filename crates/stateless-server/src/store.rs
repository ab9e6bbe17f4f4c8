//! What the API needs of a place to keep games, and the two places of this lesson.

mod database;
mod in_memory;
mod sqlite_file;
mod unavailable;

use std::error::Error;
use std::iter::successors;

use game::{Game, GameId, Move};

pub use database::{Database, OpenError, Pools};
pub use in_memory::InMemory;

/// A place where games are kept.
///
/// [`Database`] keeps them outside the process, so that any server may answer any request.
/// [`InMemory`] keeps them in the process, and is the mistake that this lesson is about. The API
/// is the same over both: nothing but the place differs.
///
/// A game only ever grows: moves are added at its end, and nothing is changed or taken away.
/// That is what makes every request safe to send again.
pub trait Store: Clone + Send + Sync + 'static {
    /// Adds a game.
    ///
    /// # Errors
    /// [`StoreError::DuplicateGame`] when another game has this id. The same game again is no
    /// error but [`Added::Already`], for its first answer may have been lost on the way.
    fn add_game(&self, game: &Game) -> impl Future<Output = Result<Added, StoreError>> + Send;

    /// Adds a move at the end of a game, and says which number it has; the first is 1.
    ///
    /// With a `number` the move is added only if the game is just that far, so that of two
    /// requests for move 7 one wins, and a request sent twice is played once. Without, it is
    /// added wherever the end is, and a request sent twice is played twice.
    ///
    /// # Errors
    /// [`StoreError::UnknownGame`], or [`StoreError::NotNext`] when the game is further on, or
    /// not yet so far. The same move at the same number is no error but [`Added::Already`].
    fn add_move(
        &self,
        id: &GameId,
        played: Move,
        number: Option<u32>,
    ) -> impl Future<Output = Result<(Added, u32), StoreError>> + Send;

    /// One game with all its moves.
    ///
    /// # Errors
    /// [`StoreError::UnknownGame`].
    fn game(&self, id: &GameId) -> impl Future<Output = Result<Game, StoreError>> + Send;

    /// At most `limit` games in the order of their ids, from the first one `after` that id; fewer if they
    /// have more than [`MOST_LISTED_MOVES`] together. The list is empty only if there are no games.
    ///
    /// # Errors
    /// Only those that every method has: see [`StoreError`].
    fn games(
        &self,
        after: Option<&GameId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Game>, StoreError>> + Send;
}

/// The most moves of one game. The rules allow none longer: after 75 moves without a capture or a pawn's
/// move a game is drawn, which makes 11,797 at most. Without an end, one game is an answer without one.
pub const MOST_MOVES: usize = 12_000;

/// About how many moves one list of games has: an answer of a megabyte.
pub const MOST_LISTED_MOVES: usize = 100_000;

/// Whether a request changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// This request added it.
    Now,
    /// It was there before: this request was sent twice, or another said just the same.
    Already,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nobody has added such a game where this store looks.
    #[error("there is no game {:?}; add it first with POST /games", .0.as_str())]
    UnknownGame(GameId),
    /// The id belongs to a game with other players or other moves.
    #[error(
        "there is another game {:?} already; give the new one an id of its own", .0.as_str()
    )]
    DuplicateGame(GameId),
    /// The move is not the next one: somebody else was faster, or one is missing before it.
    #[error(
        "the next move of game {:?} is number {}, not {number}; read the game again, then decide",
        id.as_str(),
        moves + 1
    )]
    NotNext {
        /// The game in which the move is not the next.
        id: GameId,
        /// How many moves it has.
        moves: u32,
        /// The number that was asked for.
        number: u32,
    },
    /// The game has as many moves as a game may have.
    #[error(
        "the game {:?} has {MOST_MOVES} moves, more than the rules allow; begin another", .0.as_str()
    )]
    Full(GameId),
    /// The database cannot be used now; nothing was half done, and the same request is welcome
    /// again later.
    #[error("{reason}; send the same request again in a while")]
    Unavailable {
        /// What is wrong with it, as its owner would say it.
        reason: &'static str,
        /// The database's own words, for the log.
        #[source]
        source: sqlx::Error,
    },
    /// The database answered what this program did not foresee.
    #[error("the database's answer was not understood; the server's log has the details")]
    Unforeseen(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// For a store that bounds how long it waits for another one.
    pub fn not_in_time() -> Self {
        Self::Unavailable {
            reason: "the database does not answer",
            source: sqlx::Error::PoolTimedOut,
        }
    }

    /// The error with all its causes, for the log: what a client is told leaves out what the database said.
    pub fn with_causes(&self) -> String {
        let causes = successors(Some(self as &dyn Error), |&error| error.source());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        causes.join(": ")
    }

    /// The same error for another request that waited for the same answer.
    pub fn repeat(&self) -> Self {
        match self {
            Self::UnknownGame(id) => Self::UnknownGame(id.clone()),
            Self::DuplicateGame(id) => Self::DuplicateGame(id.clone()),
            Self::NotNext { id, moves, number } => Self::NotNext {
                id: id.clone(),
                moves: *moves,
                number: *number,
            },
            Self::Full(id) => Self::Full(id.clone()),
            Self::Unavailable { reason, source } => Self::Unavailable {
                reason,
                source: sqlx::Error::Protocol(source.to_string()),
            },
            Self::Unforeseen(source) => Self::Unforeseen(source.to_string().into()),
        }
    }
}

/// What a second request for an id means, when `kept` is the game that has it.
fn same_or_duplicate(kept: &Game, sent: &Game) -> Result<Added, StoreError> {
    let same = kept.white_player == sent.white_player
        && kept.black_player == sent.black_player
        && kept.year == sent.year
        && kept.moves.starts_with(&sent.moves);
    if same {
        Ok(Added::Already)
    } else {
        Err(StoreError::DuplicateGame(sent.id.clone()))
    }
}

/// What a move that was not added means, when `kept` is the game as it is now.
///
/// Since a game only grows, it does not matter that `kept` was read a moment later.
fn same_or_not_next(kept: &Game, played: Move, number: u32) -> Result<(Added, u32), StoreError> {
    let there = number
        .checked_sub(1)
        .and_then(|before| kept.moves.get(before as usize));
    if there == Some(&played) {
        return Ok((Added::Already, number));
    }
    if kept.moves.len() >= MOST_MOVES {
        return Err(StoreError::Full(kept.id.clone()));
    }
    Err(StoreError::NotNext {
        id: kept.id.clone(),
        moves: kept.moves.len() as u32,
        number,
    })
}
