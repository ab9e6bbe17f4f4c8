//! Looks like a manager that one owns: `to_owned`.
//! Is not: without a Clone, what is owned is a copy of the reference.

use std::borrow::Borrow;
use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let owned = GameManager::instance().to_owned();
    assert!(is_the_one(owned), "what is owned is a manager of its own");
}

/// Takes a manager as well as a reference to one, so that it answers even if there is a Clone.
fn is_the_one(manager: impl Borrow<GameManager>) -> bool {
    ptr::eq(manager.borrow(), GameManager::instance())
}
