//! Looks like a second manager: a clone.
//! Is not: a GameManager has no Clone, so what is cloned is the reference.

use std::borrow::Borrow;
use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let clone = GameManager::instance().clone();
    assert!(is_the_one(clone), "the clone is a manager of its own");
}

/// Takes a manager as well as a reference to one, so that it answers even if there is a Clone.
fn is_the_one(manager: impl Borrow<GameManager>) -> bool {
    ptr::eq(manager.borrow(), GameManager::instance())
}
