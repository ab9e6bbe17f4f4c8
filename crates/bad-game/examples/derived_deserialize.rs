//! Two by accident: a derived `Deserialize` is a public constructor that takes its fields from
//! anybody's JSON.

mod game_manager {
    use std::sync::{Mutex, PoisonError};

    use game::Game;
    use once_cell::sync::Lazy;
    use serde::Deserialize;

    static GAME_MANAGER: Lazy<GameManager> = Lazy::new(GameManager::new);

    #[derive(Deserialize)]
    pub(crate) struct GameManager {
        games: Mutex<Vec<Game>>,
    }

    impl GameManager {
        pub(crate) fn instance() -> &'static Self {
            &GAME_MANAGER
        }

        fn new() -> Self {
            Self {
                games: Mutex::default(),
            }
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

fn main() -> anyhow::Result<()> {
    for game in game::famous() {
        GameManager::instance().add_game(game);
    }
    let second: GameManager = serde_json::from_str(r#"{"games":[]}"#)?;
    let seen = second.games();
    println!("verdict: 10 games added, {seen} seen: a line of JSON made a second manager");
    Ok(())
}
