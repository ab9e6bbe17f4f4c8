//! Looks like a second static, made as the first was.
//! Is not: all it can hold is the reference.

use std::ptr;

use singleton_game::GameManager;

static MINE: std::sync::LazyLock<&GameManager> = std::sync::LazyLock::new(GameManager::instance);

pub fn main() {
    assert!(ptr::eq(*MINE, GameManager::instance()));
}
