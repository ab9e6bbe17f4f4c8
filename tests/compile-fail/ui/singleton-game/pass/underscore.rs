//! Looks like moving the manager out of its static.
//! Is not: `_` is no variable, and nothing is moved into it, with a type or without.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let before = GameManager::instance();
    let _ = *GameManager::instance();
    let _: GameManager = *GameManager::instance();
    assert!(ptr::eq(before, GameManager::instance()));
}
