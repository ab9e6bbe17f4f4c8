// refused by: the_logger_counts_each_added_game

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

mod index {
    use super::GameManager;

    static MANAGER: GameManager = GameManager::new();

    pub fn add_game(id: &str) {
        MANAGER.add(id);
    }
}

mod logger {
    use super::GameManager;

    static MANAGER: GameManager = GameManager::new();

    pub fn sees() -> usize {
        std::thread::sleep(std::time::Duration::from_millis(50));
        MANAGER.count()
    }
}

fn main() {
    index::add_game("opera-1858");
    println!("the logger sees {} games", logger::sees());
}
