//! In place of the static: `instance`, the function that lends it.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let manager = GameManager::instance();
    println!(
        "what the static holds, with {} games",
        manager.games().len()
    );
    assert!(ptr::eq(manager, GameManager::instance()));
}
