//~ E0624
//! Tried: the constructor, from the file next door in the very same crate.
//! Refused: privacy in Rust is per module, not per crate; only game_manager.rs itself may.
//! Mutation: game_manager.rs: `fn new()` => `pub(crate) fn new()`

#[path = "../../../../crates/singleton-game/src/game_manager.rs"]
mod game_manager;

mod sibling {
    use crate::game_manager::GameManager;

    pub fn second() -> GameManager {
        GameManager::new()
    }
}

fn main() {
    sibling::second();
}
