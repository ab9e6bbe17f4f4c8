//! A task that owns the games, and the handle that asks it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use game::{Game, GameError, GameId, Move, Summary};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

/// How many tasks this process has started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// How many messages may wait for the task. When it is full, `add_move` waits too.
const MAILBOX: usize = 16;

/// Why the task did not do what it was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The task refused it.
    #[error(transparent)]
    Refused(#[from] GameError),
    /// The mailbox holds as many messages as it can.
    #[error("{MAILBOX} messages wait for the task already: try again, or wait with add_move")]
    Full,
    /// The task panicked, or its runtime has ended.
    #[error("the task that owned the games has ended, and they with it: start a new one")]
    Dead,
}

type Done = oneshot::Sender<Result<(), GameError>>;

/// What the task can be asked, and where the answer goes.
enum Message {
    AddGame(Game, Done),
    AddMove(GameId, Move, Done),
    Look(oneshot::Sender<Summary>),
}

/// A handle to the task. Clones send to the same task, which ends when the last of them is dropped.
#[derive(Clone)]
pub struct GameManager(mpsc::Sender<Message>);

impl GameManager {
    /// Starts the task. There is no lock: only the task can reach the games.
    pub fn start() -> Self {
        STARTED.fetch_add(1, Ordering::Relaxed);
        let (mailbox, mut messages) = mpsc::channel(MAILBOX);
        tokio::spawn(async move {
            let mut games = HashMap::new();
            while let Some(message) = messages.recv().await {
                handle(&mut games, message);
            }
        });
        Self(mailbox)
    }

    /// How many tasks this process has started so far.
    pub fn started() -> usize {
        STARTED.load(Ordering::Relaxed)
    }

    /// Adds a game.
    ///
    /// # Errors
    /// [`AskError::Refused`] if there is a game of that id, or [`AskError::Dead`].
    pub async fn add_game(&self, game: Game) -> Result<(), AskError> {
        Ok(self.ask(|done| Message::AddGame(game, done)).await??)
    }

    /// Plays a move; waits while the mailbox is full.
    ///
    /// # Errors
    /// [`AskError::Refused`] if no game has that id, or [`AskError::Dead`].
    pub async fn add_move(&self, id: GameId, played: Move) -> Result<(), AskError> {
        Ok(self
            .ask(|done| Message::AddMove(id, played, done))
            .await??)
    }

    /// Sends a move, and waits neither for room in the mailbox nor for the answer.
    ///
    /// # Errors
    /// [`AskError::Full`] or [`AskError::Dead`].
    pub fn try_add_move(&self, id: GameId, played: Move) -> Result<(), AskError> {
        let message = Message::AddMove(id, played, oneshot::channel().0);
        self.0.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => AskError::Full,
            TrySendError::Closed(_) => AskError::Dead,
        })
    }

    /// Counts what the task holds.
    ///
    /// # Errors
    /// [`AskError::Dead`].
    pub async fn look(&self) -> Result<Summary, AskError> {
        self.ask(Message::Look).await
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, AskError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send(message(answer)).await;
        sent.map_err(|_| AskError::Dead)?;
        answered.await.map_err(|_| AskError::Dead)
    }
}

/// Does what a message asks. A caller that has gone needs no answer.
fn handle(games: &mut HashMap<GameId, Game>, message: Message) {
    match message {
        Message::AddGame(game, done) if games.contains_key(&game.id) => {
            let _ = done.send(Err(GameError::DuplicateGame(game.id)));
        }
        Message::AddGame(game, done) => {
            games.insert(game.id.clone(), game);
            let _ = done.send(Ok(()));
        }
        Message::AddMove(id, played, done) => {
            let game = games.get_mut(&id);
            let game = game.ok_or(GameError::UnknownGame(id));
            let _ = done.send(game.map(|game| game.moves.push(played)));
        }
        Message::Look(seen) => drop(seen.send(games.values().collect())),
    }
}
