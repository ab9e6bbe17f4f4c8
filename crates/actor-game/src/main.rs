//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use actor_game::{AskError, GameManager, logger};
use game::Game;
use story::Story;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let story = Story {
        name: env!("CARGO_PKG_NAME"),
        idea: env!("CARGO_PKG_DESCRIPTION"),
        try_next: include_str!("../try_next.txt"),
    };
    let manager = GameManager::start();
    let for_logger = manager.clone();
    let add = async |game| Ok(add(&manager, game).await?);
    let look = async |out: &mut _| logger::look(&for_logger, out).await;
    story.tell(add, look, verdict).await
}

async fn add(manager: &GameManager, game: Game) -> Result<(), AskError> {
    manager.add_game(game.at_its_start()).await?;
    for played in game.moves {
        manager.add_move(game.id.clone(), played).await?;
    }
    Ok(())
}

fn verdict() -> String {
    match GameManager::started() {
        1 => "one task owns them".to_owned(),
        tasks => format!("{tasks} tasks own some each"),
    }
}
