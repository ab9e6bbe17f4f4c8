//~ E0004
//! Tried: a reducer that forgets an action.
//! Refused: a match must say what becomes of every action; a new one is asked for everywhere.
//! Mutation: here: `Action::AddGame(_) => "a game",` => `Action::AddGame(_) => "a game", Action::AddMove(..) => "a move",`

use reducer_game::store::Action;

fn what_happened(action: &Action) -> &'static str {
    match action {
        Action::AddGame(_) => "a game",
    }
}

fn main() {}
