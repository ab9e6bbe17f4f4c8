// 20 minutes. Lesson: lessons/05-module-store.md
// fails with: E0596
//
// One list of games belongs to the whole process. Every thread may add a game,
// and every thread sees what the others added. `unsafe` is forbidden here.

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
