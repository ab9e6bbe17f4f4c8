//! The store: a state, the actions that change it, and the function that says how.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use game::{Game, GameError, GameId, Move};
use tokio::sync::watch;

/// The store of this process.
pub static STORE: LazyLock<Store> = LazyLock::new(Store::default);

/// What can happen. There is no other way to change the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A game begins.
    AddGame(Game),
    /// A move is played in it.
    AddMove(GameId, Move),
}

/// All games, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Anyone may read them; a change needs a state of one's own.
    pub games: BTreeMap<GameId, Game>,
}

impl State {
    /// Replays actions from the beginning, all or the first so many: time travel.
    ///
    /// # Errors
    /// One of them does not fit, as none in a store's own log does.
    pub fn after(actions: &[Action]) -> Result<Self, GameError> {
        let mut actions = actions.iter();
        actions.try_fold(Self::default(), |state, action| reduce(&state, action))
    }
}

/// The state after an action. It is pure: no clock, no lock, no output, and the old state stays.
///
/// # Errors
/// The action does not fit the state, which then has no successor.
pub fn reduce(state: &State, action: &Action) -> Result<State, GameError> {
    let mut next = state.clone();
    match action {
        Action::AddGame(game) if state.games.contains_key(&game.id) => {
            return Err(GameError::DuplicateGame(game.id.clone()));
        }
        Action::AddGame(game) => drop(next.games.insert(game.id.clone(), game.clone())),
        Action::AddMove(id, played) => {
            let game = next.games.get_mut(id);
            let game = game.ok_or_else(|| GameError::UnknownGame(id.clone()))?;
            game.moves.push(*played);
        }
    }
    Ok(next)
}

/// Holds the newest state, and every action that led to it.
#[derive(Default)]
pub struct Store {
    /// tokio's `watch` is a value and its subscribers in one.
    state: watch::Sender<Arc<State>>,
    /// The lock is held while an action is reduced, so that actions have one order.
    log: Mutex<Vec<Action>>,
}

impl Store {
    /// Changes the state by an action. A refused action changes nothing and is not in the log.
    ///
    /// # Errors
    /// What [`reduce`] says.
    pub fn dispatch(&self, action: Action) -> Result<(), GameError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let next = reduce(&self.state(), &action)?;
        log.push(action);
        self.state.send_replace(Arc::new(next));
        Ok(())
    }

    /// The state of this moment. It never changes: later ones are other states.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// Tells of each new state from now on.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber(self.state.subscribe())
    }

    /// Every action so far, oldest first.
    pub fn log(&self) -> Vec<Action> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }
}

/// Sees the states in their order, and the newest in the end; a slow one skips some.
pub struct Subscriber(watch::Receiver<Arc<State>>);

impl Subscriber {
    /// The next state, or `None` when the store is gone.
    ///
    /// It is handed over and not lent: a subscriber that dispatched while it borrowed from the
    /// store would wait for itself.
    pub async fn next(&mut self) -> Option<Arc<State>> {
        self.0.changed().await.ok()?;
        Some(Arc::clone(&self.0.borrow_and_update()))
    }
}
