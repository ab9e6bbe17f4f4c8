//~ E0596
//! Tried: a `&mut` to the manager, made out of the `&` that `instance` gives.
//! Refused: code that was lent a shared reference cannot lend an exclusive one.
//! Mutation: game_manager.rs: `instance() -> &'static Self` => `instance() -> &'static mut Self`
//! Mutation: game_manager.rs: `&GAME_MANAGER` => `Box::leak(Box::new(Self::new()))`

use singleton_game::GameManager;

fn main() {
    let mine = &mut *GameManager::instance();
    println!("mine alone, with {} games", mine.games().len());
}
