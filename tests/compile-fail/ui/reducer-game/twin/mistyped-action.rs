//! In place of the mistyped one: the action as it is called.

use reducer_game::store::{Action, Store};

pub fn main() {
    let store = Store::default();
    let game = game::famous().swap_remove(0);
    assert_eq!(store.dispatch(Action::AddGame(game)), Ok(()));
}
