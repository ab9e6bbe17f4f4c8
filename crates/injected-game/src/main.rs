//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;
use std::sync::Arc;

use game::{Game, GameError};
use injected_game::{GameManager, logger};
use story::Story;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let story = Story {
        name: env!("CARGO_PKG_NAME"),
        idea: env!("CARGO_PKG_DESCRIPTION"),
        try_next: include_str!("../try_next.txt"),
    };
    let manager = Arc::new(GameManager::new());
    let for_logger = Arc::clone(&manager);
    let add = async |game| Ok(add(&manager, game)?);
    let look = async |out: &mut _| Ok(logger::look(&for_logger, out)?);
    story.tell(add, look, verdict).await
}

fn add(manager: &GameManager, game: Game) -> Result<(), GameError> {
    manager.add_game(game.at_its_start())?;
    for played in game.moves {
        manager.add_move(&game.id, played)?;
    }
    Ok(())
}

fn verdict() -> String {
    match GameManager::constructed() {
        1 => "one manager, handed down".to_owned(),
        made => story::managers(made),
    }
}
