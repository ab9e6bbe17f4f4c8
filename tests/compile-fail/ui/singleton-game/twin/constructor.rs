//! In place of the constructor: `instance`, which calls it once and returns the same manager to every caller.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let second = GameManager::instance();
    println!("no second, with {} games", second.games().len());
    assert!(ptr::eq(second, GameManager::instance()));
}
