//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use exported_game::{GAME_MANAGER, GameManager, logger};
use game::{Game, GameError};
use story::Story;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let story = Story {
        name: env!("CARGO_PKG_NAME"),
        idea: env!("CARGO_PKG_DESCRIPTION"),
        try_next: include_str!("../try_next.txt"),
    };
    let add = async |game| Ok(add(game)?);
    let look = async |out: &mut _| Ok(logger::look(out)?);
    story.tell(add, look, verdict).await
}

fn add(game: Game) -> Result<(), GameError> {
    GAME_MANAGER.add_game(game.at_its_start())?;
    for played in game.moves {
        GAME_MANAGER.add_move(&game.id, played)?;
    }
    Ok(())
}

/// Nothing but an agreement keeps it one.
fn verdict() -> String {
    match GameManager::constructed() {
        1 => "one manager, by agreement only".to_owned(),
        made => story::managers(made),
    }
}
