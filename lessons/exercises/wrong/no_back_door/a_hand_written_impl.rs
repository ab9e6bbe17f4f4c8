// refused by: nobody_can_write_default

mod game_manager {
    use std::sync::{LazyLock, Mutex};

    pub struct GameManager {
        games: Mutex<Vec<String>>,
    }

    static INSTANCE: LazyLock<GameManager> = LazyLock::new(GameManager::make);

    impl Default for GameManager {
        fn default() -> Self {
            GameManager::make()
        }
    }

    impl GameManager {
        fn make() -> Self {
            GameManager {
                games: Mutex::default(),
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
