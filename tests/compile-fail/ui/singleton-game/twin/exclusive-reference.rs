//! In place of `&mut`: `&`, because the lock is inside the manager.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let everybodys = &*GameManager::instance();
    println!("nobody's alone, with {} games", everybodys.games().len());
    assert!(ptr::eq(everybodys, GameManager::instance()));
}
