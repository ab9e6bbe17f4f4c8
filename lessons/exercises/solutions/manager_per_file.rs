// 20 minutes. Lesson: lessons/08-exported-game.md
// fails with: the_logger_counts_each_added_game
//
// `index` and `logger` each made a GameManager. The logger must count the games
// that `index` adds, at the moment when it is asked.

use std::sync::Mutex;

pub struct GameManager {
    games: Mutex<Vec<String>>,
}

impl GameManager {
    pub const fn new() -> Self {
        GameManager {
            games: Mutex::new(Vec::new()),
        }
    }

    pub fn add(&self, id: &str) {
        let mut games = self.games.lock().expect("no holder panics");
        games.push(id.to_string());
    }

    pub fn count(&self) -> usize {
        self.games.lock().expect("no holder panics").len()
    }
}

static MANAGER: GameManager = GameManager::new();

mod index {
    use super::MANAGER;

    pub fn add_game(id: &str) {
        MANAGER.add(id);
    }
}

mod logger {
    use super::MANAGER;

    pub fn sees() -> usize {
        MANAGER.count()
    }
}

fn main() {
    index::add_game("opera-1858");
    println!("the logger sees {} games", logger::sees());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logger_counts_each_added_game() {
        for added in 0..5 {
            assert_eq!(logger::sees(), added, "the logger asks another manager");
            index::add_game("opera-1858");
        }
    }
}
