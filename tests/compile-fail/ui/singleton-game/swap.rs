//~ E0308
//! Tried: swapping what two calls of `instance` give, as if there were two.
//! Refused: `swap` needs exclusive references, and `instance` lends a shared one to every caller.
//! Mutation: game_manager.rs: `instance() -> &'static Self` => `instance() -> &'static mut Self`
//! Mutation: game_manager.rs: `&GAME_MANAGER` => `Box::leak(Box::new(Self::new()))`

use std::mem;

use singleton_game::GameManager;

fn main() {
    let one: &mut GameManager = GameManager::instance();
    let another: &mut GameManager = GameManager::instance();
    mem::swap(one, another);
}
