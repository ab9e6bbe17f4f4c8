//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use bad_game::{GameManager, logger};
use game::{Game, GameError, Story, Summary, Turn};
use once_cell::sync::Lazy;

static GAME_MANAGER: Lazy<GameManager> = Lazy::new(GameManager::new);

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
        "every file makes a GameManager of its own",
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
        "diff -r crates/bad-game/src crates/exported-game/src: one line moves, and the logger sees",
        "two managers, each correct, neither complete",
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
