//! In place of the struct literal: `instance`.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let second = GameManager::instance();
    println!("no second, with {} games", second.games().len());
    assert!(ptr::eq(second, GameManager::instance()));
}
