//~ E0596
//! Tried: a reducer that changes the old state, which every subscriber still holds.
//! Refused: the old state is lent as `&State`; a change needs a state of one's own.
//! Mutation: here: `(state: &State, action: Action)` => `(state: &mut State, action: Action)`

use reducer_game::store::{Action, State};

fn reduce(state: &State, action: Action) {
    if let Action::AddGame(game) = action {
        state.games.insert(game.id.clone(), game);
    }
}

fn main() {}
