//! In place of the RefCell: the Mutex, a RefCell that counts with a lock.

use std::sync::Mutex;

static GAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());

pub fn main() {
    let mut games = GAMES.lock().expect("nobody has panicked");
    games.push("opera-1858");
    assert_eq!(*games, ["opera-1858"]);
}
