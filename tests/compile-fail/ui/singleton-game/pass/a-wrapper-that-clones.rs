//! Looks like a manager with Clone, through a type of one's own.
//! Is not: the derived Clone copies the field, and the field is the reference.

use std::ptr;

use singleton_game::GameManager;

#[derive(Clone)]
struct Mine(&'static GameManager);

pub fn main() {
    let mine = Mine(GameManager::instance());
    assert!(ptr::eq(mine.clone().0, mine.0));
}
