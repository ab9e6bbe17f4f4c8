//! Looks like an assignment to the manager.
//! Is not: the right-hand side never ends, so nothing is ever assigned.

use std::ptr;

use singleton_game::GameManager;

#[allow(unreachable_code)]
fn replace() {
    *GameManager::instance() = panic!("there is no other manager to put here");
}

pub fn main() {
    let before = GameManager::instance();
    assert!(std::panic::catch_unwind(replace).is_err());
    assert!(ptr::eq(before, GameManager::instance()));
}
