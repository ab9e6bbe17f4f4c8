//! Looks like another type, with an instance of its own.
//! Is not: an alias is another name for the same type, and so for the same instance.

use std::ptr;

use singleton_game::GameManager;

type Another = GameManager;

pub fn main() {
    assert!(ptr::eq(Another::instance(), GameManager::instance()));
}
