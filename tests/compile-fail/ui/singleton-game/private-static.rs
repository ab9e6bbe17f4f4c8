//~ E0603
//! Tried: the static itself, past the function that lends it.
//! Refused: `GAME_MANAGER` is private to game_manager.rs.
//! Mutation: game_manager.rs: `static GAME_MANAGER` => `pub static GAME_MANAGER`

use singleton_game::game_manager::GAME_MANAGER;

fn main() {
    println!("the static itself, with {} games", GAME_MANAGER.games().len());
}
