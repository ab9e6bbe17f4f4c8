// refused by: a_game_added_by_one_thread_is_seen_by_another

use std::cell::RefCell;

thread_local! {
    static GAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub fn add_game(id: &str) {
    GAMES.with_borrow_mut(|games| games.push(id.to_string()));
}

pub fn games() -> Vec<String> {
    GAMES.with_borrow(|games| games.clone())
}

fn main() {}
