//! Looks like a manager on the heap, and a shared one.
//! Is not: what moves into the Box and the Arc is the reference.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let boxed = Box::new(GameManager::instance());
    let shared = std::sync::Arc::new(GameManager::instance());
    assert!(ptr::eq(*boxed, *shared));
}
