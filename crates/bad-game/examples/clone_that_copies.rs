//! Two by accident: a `Clone` that copies the data makes two, one that copies an `Arc` shares it.
//!
//! Deriving `Clone` over a `Mutex` does not compile, which is good; over a plain `Vec` it
//! copies, and the compiler says nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use game::Game;

#[derive(Clone, Default)]
struct Copying {
    games: Vec<Game>,
}

#[derive(Clone, Default)]
struct Sharing {
    games: Arc<Mutex<Vec<Game>>>,
}

impl Sharing {
    fn games(&self) -> MutexGuard<'_, Vec<Game>> {
        self.games.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn main() {
    let mut index = Copying::default();
    let logger = index.clone();
    index.games.extend(game::famous());
    let copied = logger.games.len();

    let index = Sharing::default();
    let logger = index.clone();
    index.games().extend(game::famous());
    let shared = logger.games().len();

    println!(
        "verdict: 10 games added, {copied} seen by a copy of the data, {shared} by a copy of the Arc"
    );
}
