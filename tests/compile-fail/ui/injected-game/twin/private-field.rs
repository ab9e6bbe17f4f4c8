//! In place of the field: a snapshot of the games.

use injected_game::GameManager;

pub fn main() {
    let manager = GameManager::new();
    assert!(manager.games().is_empty());
}
