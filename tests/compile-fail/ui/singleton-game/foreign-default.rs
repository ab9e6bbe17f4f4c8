//~ E0117
//! Tried: giving GameManager the Default that it lacks, from one's own crate.
//! Refused: one of the two, trait or type, has to be one's own; here neither is.
//! Mutation: here: `use singleton_game::GameManager;` => `struct GameManager;`

use singleton_game::GameManager;

impl Default for GameManager {
    fn default() -> Self {
        panic!("whatever stands here")
    }
}

fn main() {}
