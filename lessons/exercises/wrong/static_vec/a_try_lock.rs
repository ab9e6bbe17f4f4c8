// refused by: a_game_added_by_one_thread_is_seen_by_another

use std::sync::Mutex;

static GAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub fn add_game(id: &str) {
    // Does not wait: another thread may be at it.
    if let Ok(mut games) = GAMES.try_lock() {
        games.push(id.to_string());
    }
}

pub fn games() -> Vec<String> {
    GAMES.lock().expect("no holder panics").clone()
}

fn main() {
    add_game("opera-1858");
    println!("games: {:?}", games());
}
