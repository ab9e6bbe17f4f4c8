//! In place of the move: the reference stays where it is lent.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let shared = GameManager::instance();
    println!("shared, with {} games", shared.games().len());
    assert!(ptr::eq(shared, GameManager::instance()));
}
