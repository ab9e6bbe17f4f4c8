//! Two by accident: a derived `Default` is a public constructor, whatever `new` is.

mod game_manager {
    use std::sync::{Mutex, PoisonError};

    use game::Game;
    use once_cell::sync::Lazy;

    static GAME_MANAGER: Lazy<GameManager> = Lazy::new(GameManager::new);

    #[derive(Default)]
    pub(crate) struct GameManager {
        games: Mutex<Vec<Game>>,
    }

    impl GameManager {
        pub(crate) fn instance() -> &'static Self {
            &GAME_MANAGER
        }

        fn new() -> Self {
            Self::default()
        }

        pub(crate) fn add_game(&self, game: Game) {
            self.games
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(game);
        }

        pub(crate) fn games(&self) -> usize {
            self.games
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .len()
        }
    }
}

use game_manager::GameManager;

fn main() {
    for game in game::famous() {
        GameManager::instance().add_game(game);
    }
    let seen = GameManager::default().games();
    println!("verdict: 10 games added, {seen} seen: `new` is private, and Default is not");
}
