//~ E0277
//! Tried: the constructor that a type often has without anyone thinking of it.
//! Refused: GameManager does not derive Default; a derived Default is public, whatever `new` is.
//! Mutation: game_manager.rs: `pub struct GameManager {` => `#[derive(Default)] pub struct GameManager {`

use singleton_game::GameManager;

fn main() {
    let second: GameManager = Default::default();
    println!("a second, with {} games", second.games().len());
}
