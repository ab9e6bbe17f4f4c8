// refused by: default_is_no_second_new

mod game_manager {
    use std::sync::Mutex;

    pub struct GameManager {
        games: Mutex<Vec<String>>,
    }

    static INSTANCE: GameManager = GameManager::new();

    impl Default for GameManager {
        fn default() -> Self {
            Self::new()
        }
    }

    impl GameManager {
        const fn new() -> Self {
            GameManager {
                games: Mutex::new(Vec::new()),
            }
        }

        pub fn instance() -> &'static Self {
            &INSTANCE
        }

        pub fn add(&self, id: &str) -> usize {
            let mut games = self.games.lock().expect("no holder panics");
            games.push(id.to_string());
            games.len()
        }
    }
}

use game_manager::GameManager;

fn main() {
    let games = GameManager::instance().add("opera-1858");
    println!("games: {games}");
}
