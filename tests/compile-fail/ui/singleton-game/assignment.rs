//~ E0594
//! Tried: putting another manager in the place of the one, if a caller had another.
//! Refused: a shared reference cannot be written through.
//! Mutation: game_manager.rs: `instance() -> &'static Self` => `instance() -> &'static mut Self`
//! Mutation: game_manager.rs: `&GAME_MANAGER` => `Box::leak(Box::new(Self::new()))`

use singleton_game::GameManager;

fn replace(another: GameManager) {
    *GameManager::instance() = another;
}

fn main() {}
