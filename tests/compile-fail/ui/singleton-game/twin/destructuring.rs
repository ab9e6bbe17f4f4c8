//! In place of the pattern: `games()`, a snapshot that may be taken apart.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let manager = GameManager::instance();
    let games = manager.games();
    println!("a snapshot, with {} games", games.len());
    assert!(ptr::eq(manager, GameManager::instance()));
}
