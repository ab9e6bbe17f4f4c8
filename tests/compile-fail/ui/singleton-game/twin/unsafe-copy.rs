//! In place of a copy of its bytes: the reference.

#![forbid(unsafe_code)]

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let second = GameManager::instance();
    println!("no second, with {} games", second.games().len());
    assert!(ptr::eq(second, GameManager::instance()));
}
