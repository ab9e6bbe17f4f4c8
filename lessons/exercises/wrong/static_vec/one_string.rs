// refused by: a_game_added_by_one_thread_is_seen_by_another

use std::sync::Mutex;

static GAMES: Mutex<String> = Mutex::new(String::new());

pub fn add_game(id: &str) {
    *GAMES.lock().expect("no holder panics") = id.to_string();
}

pub fn games() -> Vec<String> {
    vec![GAMES.lock().expect("no holder panics").clone()]
}

fn main() {
    add_game("opera-1858");
    println!("games: {:?}", games());
}
