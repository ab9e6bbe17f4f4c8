//~ E0308
//! Tried: a clone of the manager, into a binding that says it wants a manager.
//! Refused: GameManager has no Clone, so what is cloned is the reference to it.
//! Mutation: game_manager.rs: `impl GameManager {` => `impl Clone for GameManager { fn clone(&self) -> Self { Self::new() } } impl GameManager {`

use singleton_game::GameManager;

fn main() {
    let second: GameManager = GameManager::instance().clone();
    println!("a second, with {} games", second.games().len());
}
