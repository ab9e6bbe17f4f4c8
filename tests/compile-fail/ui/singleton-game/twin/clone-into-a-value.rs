//! In place of the clone: the reference, which can be copied as often as one likes.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let second: &GameManager = GameManager::instance();
    println!("no second, with {} games", second.games().len());
    assert!(ptr::eq(second, GameManager::instance()));
}
