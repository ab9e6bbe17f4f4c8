// refused by: moves_of_many_threads_are_all_counted, the_moves_of_each_game_are_counted

use std::collections::HashMap;
use std::sync::Mutex;

fn all_moves() -> Mutex<HashMap<String, usize>> {
    Mutex::default()
}

pub fn add_move(game: &str) {
    let all = all_moves();
    let mut moves = all.lock().expect("no holder panics");
    *moves.entry(game.to_string()).or_default() += 1;
}

pub fn moves(game: &str) -> usize {
    let all = all_moves();
    let moves = all.lock().expect("no holder panics");
    moves.get(game).copied().unwrap_or(0)
}

fn main() {
    add_move("opera-1858");
    println!("moves: {}", moves("opera-1858"));
}
