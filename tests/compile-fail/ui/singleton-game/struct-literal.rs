//~ E0451
//! Tried: a manager without its constructor, field by field.
//! Refused: a struct literal has to name every field, and `games` is private.
//! Mutation: game_manager.rs: `games: Mutex<HashMap` => `pub games: Mutex<HashMap`

use std::sync::Mutex;

use singleton_game::GameManager;

fn main() {
    let second = GameManager {
        games: Mutex::default(),
    };
    println!("a second, with {} games", second.games().len());
}
