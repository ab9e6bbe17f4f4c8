// 15 minutes. Lesson: lessons/10-singleton-game.md
// fails with: nobody_outside_can_call_new
//
// There must be one GameManager. Outside the module `game_manager`, also in this
// file, `GameManager::instance()` must be the only way to reach one. Keep the
// names of the type, its functions and its field.

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
