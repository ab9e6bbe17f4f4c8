//! In place of the constructor, from the file next door: `instance`.

#[path = "../../../../../crates/singleton-game/src/game_manager.rs"]
mod game_manager;

mod sibling {
    use super::game_manager::GameManager;

    pub fn second() -> &'static GameManager {
        GameManager::instance()
    }
}

pub fn main() {
    use game_manager::GameManager;

    assert!(std::ptr::eq(sibling::second(), GameManager::instance()));
}
