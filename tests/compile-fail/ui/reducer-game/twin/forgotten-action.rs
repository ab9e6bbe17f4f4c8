//! In place of the forgotten one: an arm for each action.

use reducer_game::store::Action;

fn what_happened(action: &Action) -> &'static str {
    match action {
        Action::AddGame(_) => "a game",
        Action::AddMove(..) => "a move",
    }
}

pub fn main() {
    let game = game::famous().swap_remove(0);
    assert_eq!(what_happened(&Action::AddGame(game)), "a game");
}
