//! In place of a function of the type's own: a trait of one's own, which has no more rights.

use std::ptr;

use singleton_game::GameManager;

trait Second {
    fn second() -> &'static Self;
}

impl Second for GameManager {
    fn second() -> &'static Self {
        GameManager::instance()
    }
}

pub fn main() {
    assert!(ptr::eq(GameManager::second(), GameManager::instance()));
}
