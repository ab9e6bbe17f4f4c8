//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use game::{Game, GameError, Story, Summary, Turn};
use singleton_game::{GameManager, logger};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match index().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => game::report(env!("CARGO_PKG_NAME"), error.as_ref()),
    }
}

async fn index() -> anyhow::Result<()> {
    let mut story = Story::open(
        env!("CARGO_PKG_NAME"),
        "every file asks GameManager::instance()",
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
        "write GameManager::new(); in crates/singleton-game/src/main.rs, and run again",
        "one manager, and the compiler refuses a second",
    )?;
    Ok(())
}

fn add(game: Game) -> Result<(), GameError> {
    GameManager::instance().add_game(game.at_its_start())?;
    for played in game.moves {
        GameManager::instance().add_move(&game.id, played)?;
    }
    Ok(())
}
