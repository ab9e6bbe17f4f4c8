//! A store that a test controls: it counts loads, can make them wait, and can fail.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use game::{Game, GameId, Move};
use stateless_server::store::{Added, Store, StoreError};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// A store in memory. Clones share its games.
#[derive(Clone)]
pub(crate) struct HeldStore(Arc<Inner>);

struct Inner {
    games: Mutex<Vec<Game>>,
    loads: AtomicU64,
    fails: AtomicBool,
    /// A load reads the game, and then waits for a permit before it returns it.
    gate: Semaphore,
    /// A move is stored, and then waits for a permit before it is answered.
    move_gate: Semaphore,
}

impl HeldStore {
    pub(crate) fn with(games: impl IntoIterator<Item = Game>) -> Self {
        Self(Arc::new(Inner {
            games: Mutex::new(games.into_iter().collect()),
            loads: AtomicU64::new(0),
            fails: AtomicBool::new(false),
            gate: Semaphore::new(Semaphore::MAX_PERMITS >> 1),
            move_gate: Semaphore::new(Semaphore::MAX_PERMITS >> 1),
        }))
    }

    pub(crate) fn loads(&self) -> u64 {
        self.0.loads.load(SeqCst)
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.0.fails.store(fails, SeqCst);
    }

    /// No load ends until `let_go`.
    pub(crate) fn hold(&self) {
        self.0.gate.forget_permits(usize::MAX);
    }

    pub(crate) fn let_go(&self) {
        self.0.gate.add_permits(1_000);
    }

    /// Plays a move through the server, whose client hangs up when the move is stored and not answered.
    pub(crate) async fn abort_a_move(&self, server: &impl Store, name: &'static str) {
        self.0.move_gate.forget_permits(usize::MAX);
        let before = self.moves(&id(name));
        let server = server.clone();
        let played = tokio::spawn(async move { server.add_move(&id(name), a_move(), None).await });
        harness::eventually("the move is stored", async || {
            self.moves(&id(name)) > before
        })
        .await;
        played.abort();
        assert!(played.await.is_err(), "it was cancelled");
        self.0.move_gate.add_permits(1_000);
    }

    fn moves(&self, id: &GameId) -> u32 {
        let games = self.0.games.lock().expect("no test panics here");
        let game = games.iter().find(|game| game.id == *id);
        game.expect("it was added").moves.len() as u32
    }

    /// A move that another server plays.
    pub(crate) fn play_elsewhere(&self, id: &GameId) {
        let mut games = self.0.games.lock().expect("no test panics here");
        let game = games.iter_mut().find(|game| game.id == *id);
        game.expect("it was added").moves.push(a_move());
    }
}

impl Store for HeldStore {
    async fn add_game(&self, _: &Game) -> Result<Added, StoreError> {
        Ok(Added::Now)
    }

    async fn add_move(
        &self,
        id: &GameId,
        _: Move,
        number: Option<u32>,
    ) -> Result<(Added, u32), StoreError> {
        let moves = self.moves(id);
        if let Some(number) = number.filter(|number| *number != moves + 1) {
            let id = id.clone();
            return Err(StoreError::NotNext { id, moves, number });
        }
        self.play_elsewhere(id);
        let permit = self.0.move_gate.acquire().await;
        permit.expect("it is never closed").forget();
        Ok((Added::Now, moves + 1))
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        self.0.loads.fetch_add(1, SeqCst);
        let found = {
            let games = self.0.games.lock().expect("no test panics here");
            games.iter().find(|game| game.id == *id).cloned()
        };
        let permit = self.0.gate.acquire().await.expect("it is never closed");
        permit.forget();
        match found {
            Some(game) if !self.0.fails.load(SeqCst) => Ok(game),
            _ => Err(StoreError::UnknownGame(id.clone())),
        }
    }

    async fn games(&self, _: Option<&GameId>, _: u32) -> Result<Vec<Game>, StoreError> {
        Ok(Vec::new())
    }
}

/// A game without moves.
pub(crate) fn game(name: &str) -> Game {
    let famous = game::famous().swap_remove(0).at_its_start();
    Game {
        id: id(name),
        ..famous
    }
}

pub(crate) fn id(name: &str) -> GameId {
    name.parse().expect("a short id")
}

pub(crate) fn a_move() -> Move {
    "e2e4".parse().expect("a move")
}

/// How many moves of the game a server shows.
pub(crate) async fn moves(server: &impl Store, name: &str) -> usize {
    let game = server.game(&id(name)).await;
    game.expect("it was added").moves.len()
}

/// The same by a reader of its own, which a test can hold up.
pub(crate) fn reading(server: &impl Store, name: &'static str) -> JoinHandle<usize> {
    let server = server.clone();
    tokio::spawn(async move { moves(&server, name).await })
}
