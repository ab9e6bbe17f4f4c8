//~ E0596
//! Tried: emptying the state that the store has handed out.
//! Refused: what is behind an `Arc` may be read by many, and so it is changed by none.
//! Mutation: here: `let state = STORE.state();` => `let mut state = State::clone(&STORE.state());`

#[allow(unused_imports)]
use reducer_game::store::{STORE, State};

fn main() {
    let state = STORE.state();
    state.games.clear();
}
