//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use exported_game::{GAME_MANAGER, logger};
use game::{Game, GameError, Story, Summary, Turn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match index().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => game::report(env!("CARGO_PKG_NAME"), error.as_ref()),
    }
}

async fn index() -> anyhow::Result<()> {
    let mut story = Story::open(
        "exported-game",
        "every file uses the GAME_MANAGER of game_manager.rs",
    )?;
    let mut seen = Summary::default();
    while let Some(turn) = story.next_turn().await? {
        match turn {
            Turn::Add(game) => add(game)?,
            Turn::Look => seen = logger::look()?,
        }
    }
    story.end(
        seen,
        "write exported_game::GameManager::new(); in crates/exported-game/src/main.rs: nothing refuses it",
        "one manager, by good manners only",
    )?;
    Ok(())
}

fn add(game: Game) -> Result<(), GameError> {
    GAME_MANAGER.add_game(game.at_its_start())?;
    for played in game.moves {
        GAME_MANAGER.add_move(&game.id, played)?;
    }
    Ok(())
}
