// 20 minutes. Lesson: lessons/10-singleton-game.md
// fails with: E0015
//
// The moves of each game are counted in one map for the whole process. A static
// is computed by the compiler, and `HashMap::new` cannot run there: it picks
// random keys. Keep the HashMap.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

static MOVES: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

pub fn add_move(game: &str) {
    let mut moves = MOVES.lock().expect("no holder panics");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moves_of_each_game_are_counted() {
        for number in 1..=3 {
            add_move("opera-1858");
            assert_eq!(moves("opera-1858"), number, "the map was made again");
        }
        assert_eq!(moves("immortal-1851"), 0, "another game was counted");
        add_move("immortal-1851");
        assert_eq!((moves("opera-1858"), moves("immortal-1851")), (3, 1));
    }

    #[test]
    fn moves_of_many_threads_are_all_counted() {
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    (0..20_000).for_each(|_| add_move("evergreen-1852"));
                });
            }
        });
        assert_eq!(moves("evergreen-1852"), 160_000);
    }
}
