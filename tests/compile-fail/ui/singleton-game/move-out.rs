//~ E0507
//! Tried: moving the manager out of its static, into a variable of one's own.
//! Refused: `instance` lends; nothing moves out from behind a reference.
//! Mutation: game_manager.rs: `instance() -> &'static Self` => `instance() -> Box<Self>`
//! Mutation: game_manager.rs: `&GAME_MANAGER` => `Box::new(Self::new())`

use singleton_game::GameManager;

fn main() {
    let mine = *GameManager::instance();
    println!("mine alone, with {} games", mine.games().len());
}
