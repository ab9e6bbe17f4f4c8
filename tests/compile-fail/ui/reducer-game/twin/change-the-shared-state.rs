//! In place of the change: an action, or a copy of one's own.

use reducer_game::store::{Action, State, Store};

pub fn main() {
    let store = Store::default();
    let game = game::famous().swap_remove(0);
    store.dispatch(Action::AddGame(game)).expect("a first game");
    let mut mine = State::clone(&store.state());
    mine.games.clear();
    assert_eq!(store.state().games.len(), 1);
}
