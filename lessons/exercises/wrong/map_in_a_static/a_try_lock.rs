// refused by: moves_of_many_threads_are_all_counted

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

static MOVES: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

pub fn add_move(game: &str) {
    let Ok(mut moves) = MOVES.try_lock() else {
        return;
    };
    *moves.entry(game.to_string()).or_default() += 1;
}

pub fn moves(game: &str) -> usize {
    let moves = MOVES.lock().expect("no holder panics");
    moves.get(game).copied().unwrap_or(0)
}

fn main() {
    add_move("opera-1858");
    println!("moves: {}", moves("opera-1858"));
}
