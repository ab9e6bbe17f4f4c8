//! In place of the change: `reduce` returns a new state, and the old one stays as it was.

use reducer_game::store::{Action, State, reduce};

pub fn main() {
    let old = State::default();
    let game = game::famous().swap_remove(0);
    let new = reduce(&old, &Action::AddGame(game)).expect("a first game");
    assert_eq!((old.games.len(), new.games.len()), (0, 1));
}
