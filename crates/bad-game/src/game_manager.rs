//! A manager of games that anyone may construct.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use game::{Game, GameError, GameId, Move, Summary};

/// How many managers this process has made: one counter for the type, not one for each value.
static CONSTRUCTED: AtomicUsize = AtomicUsize::new(0);

/// Holds games, and the functions that change them.
pub struct GameManager {
    /// A map, so that a move finds its game without searching all the others. The lock is
    /// inside the manager: a caller can neither forget it nor hold it.
    games: Mutex<HashMap<GameId, Game>>,
}

impl GameManager {
    /// A manager without games.
    pub fn new() -> Self {
        CONSTRUCTED.fetch_add(1, Ordering::Relaxed);
        Self {
            games: Mutex::default(),
        }
    }

    /// How many managers this process has made so far.
    pub fn constructed() -> usize {
        CONSTRUCTED.load(Ordering::Relaxed)
    }

    /// Adds a game.
    ///
    /// # Errors
    /// [`GameError::DuplicateGame`] if there is one of that id; it stays as it was.
    pub fn add_game(&self, game: Game) -> Result<(), GameError> {
        let mut games = self.lock();
        if games.contains_key(&game.id) {
            return Err(GameError::DuplicateGame(game.id));
        }
        games.insert(game.id.clone(), game);
        Ok(())
    }

    /// A snapshot of all the games, ordered by id: changing it changes nothing here.
    ///
    /// It copies every game with its moves, and every other caller waits meanwhile. The sorting happens
    /// after the lock is released.
    pub fn games(&self) -> Vec<Game> {
        let mut games: Vec<Game> = self.lock().values().cloned().collect();
        games.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        games
    }

    /// Plays a move, at a cost that does not grow with the number of games.
    ///
    /// # Errors
    /// [`GameError::UnknownGame`] if no game has that id: a move is never dropped silently.
    pub fn add_move(&self, id: &GameId, played: Move) -> Result<(), GameError> {
        let mut games = self.lock();
        let game = games.get_mut(id);
        let game = game.ok_or_else(|| GameError::UnknownGame(id.clone()))?;
        game.moves.push(played);
        Ok(())
    }

    /// Writes one line about the games that this manager holds.
    ///
    /// It counts them under the lock and writes after the lock is released: a terminal that does not
    /// read must not keep others from playing.
    ///
    /// # Errors
    /// If `log` cannot be written to.
    pub fn log_state(&self, log: &mut impl Write) -> io::Result<Summary> {
        let summary = self.lock().values().collect();
        writeln!(log, "{summary}")?;
        Ok(summary)
    }

    /// A panic of a thread that held the lock has *poisoned* it. Every method leaves the map valid at
    /// each of its steps, so the others continue with what is there.
    fn lock(&self) -> MutexGuard<'_, HashMap<GameId, Game>> {
        self.games.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
