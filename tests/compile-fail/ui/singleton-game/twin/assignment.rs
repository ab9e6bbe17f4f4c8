//! In place of another manager: a variable for the reference can be assigned to.

use std::ptr;

use singleton_game::GameManager;

fn replace(held: &mut &'static GameManager) {
    *held = GameManager::instance();
}

pub fn main() {
    let mut held = GameManager::instance();
    replace(&mut held);
    assert!(ptr::eq(held, GameManager::instance()));
}
