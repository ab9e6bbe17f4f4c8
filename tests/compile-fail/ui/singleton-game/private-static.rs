//~ E0603
//! Tried: the static itself, past the function that lends it.
//! Refused: `INSTANCE` is private to game_manager.rs.
//! Door: game_manager.rs: `static INSTANCE` => `pub static INSTANCE`

use singleton_game::game_manager::INSTANCE;

fn main() {
    println!("the static itself, with {} games", INSTANCE.games().len());
}
