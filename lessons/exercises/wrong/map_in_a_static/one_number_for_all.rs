// refused by: moves_of_many_threads_are_all_counted, the_moves_of_each_game_are_counted

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

static MOVES: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

pub fn add_move(game: &str) {
    let mut moves = MOVES.lock().expect("no holder panics");
    println!("a move in {game}");
    *moves.entry(String::new()).or_default() += 1;
}

pub fn moves(game: &str) -> usize {
    let moves = MOVES.lock().expect("no holder panics");
    println!("moves of {game}");
    moves.get("").copied().unwrap_or(0)
}

fn main() {
    add_move("opera-1858");
    println!("moves: {}", moves("opera-1858"));
}
