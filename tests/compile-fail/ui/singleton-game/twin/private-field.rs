//! In place of the field: `games()`, a snapshot; to empty it changes nothing.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let manager = GameManager::instance();
    let mut games = manager.games();
    games.clear();
    assert!(ptr::eq(manager, GameManager::instance()));
}
