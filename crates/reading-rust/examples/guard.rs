//! There is no `unlock`: the guard that `lock` returns holds the lock until the guard is dropped.

use std::sync::{Mutex, PoisonError};

static GAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());

fn is_locked() -> bool {
    GAMES.try_lock().is_err()
}

fn main() {
    let mut games = GAMES.lock().unwrap_or_else(PoisonError::into_inner);
    games.push("opera-1858");
    println!("after push: locked = {}", is_locked());
    drop(games);
    println!("after drop: locked = {}", is_locked());

    GAMES.lock().unwrap_or_else(PoisonError::into_inner).clear();
    println!("after the semicolon: locked = {}", is_locked());

    match GAMES.lock().unwrap_or_else(PoisonError::into_inner).pop() {
        Some(game) => println!("{game}"),
        None => println!("inside match: locked = {}", is_locked()),
    }
}
