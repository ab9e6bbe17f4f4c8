//~ E0116
//! Tried: one more function for GameManager, written in one's own crate.
//! Refused: a type's own functions are written in the crate that defines it, and nowhere else.
//! Mutation: here: `use singleton_game::GameManager;` => `struct GameManager;`

use singleton_game::GameManager;

impl GameManager {
    fn second() -> Self {
        panic!("whatever stands here")
    }
}

fn main() {}
