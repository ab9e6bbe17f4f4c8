//~ E0624
//! Tried: the constructor, by its name.
//! Refused: `new` is private to game_manager.rs, and this is another file.
//! Mutation: game_manager.rs: `fn new()` => `pub fn new()`

use singleton_game::GameManager;

fn main() {
    let second = GameManager::new();
    println!("a second, with {} games", second.games().len());
}
