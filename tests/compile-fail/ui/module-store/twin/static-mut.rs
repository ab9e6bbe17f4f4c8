//! In place of `mut`: the lock, which lends the list to one thread at a time.

use std::sync::Mutex;

static GAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());

pub fn main() {
    let mut games = GAMES.lock().expect("nobody has panicked");
    *games = vec!["opera-1858"];
    assert_eq!(*games, ["opera-1858"]);
}
