//! In place of swapping the managers: swapping the references, which are the same.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let mut one: &GameManager = GameManager::instance();
    let mut another: &GameManager = GameManager::instance();
    std::mem::swap(&mut one, &mut another);
    assert!(ptr::eq(one, another));
}
