//! In place of GameManager's Default: one for a type of one's own, which holds the reference.

use std::ptr;

use singleton_game::GameManager;

struct Mine(&'static GameManager);

impl Default for Mine {
    fn default() -> Self {
        Self(GameManager::instance())
    }
}

pub fn main() {
    assert!(ptr::eq(Mine::default().0, Mine::default().0));
}
