//~ E0599
//! Tried: an action with a letter exchanged, which JavaScript passes to the reducer's `default:`.
//! Refused: an action is a variant of an enum, and there is none of that name.
//! Mutation: here: `Action::AddGmae(game)` => `Action::AddGame(game)`

use game::{Game, GameError};
use reducer_game::store::{Action, STORE};

fn add(game: Game) -> Result<(), GameError> {
    STORE.dispatch(Action::AddGmae(game))
}

fn main() {}
