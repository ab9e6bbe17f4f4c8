//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use bad_game::{GameManager, logger};
use game::{Game, GameError, Story};
use once_cell::sync::Lazy;

static GAME_MANAGER: Lazy<GameManager> = Lazy::new(GameManager::new);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let story = Story {
        name: env!("CARGO_PKG_NAME"),
        idea: "every file makes a GameManager of its own",
        try_next: "export one from game_manager.rs: exported-game is one line away",
    };
    let add = async |game| Ok(add(game)?);
    let look = async |out: &mut _| Ok(logger::look(out)?);
    story
        .tell(add, look, || game::managers(GameManager::constructed()))
        .await
}

fn add(game: Game) -> Result<(), GameError> {
    GAME_MANAGER.add_game(game.at_its_start())?;
    for played in game.moves {
        GAME_MANAGER.add_move(&game.id, played)?;
    }
    Ok(())
}
