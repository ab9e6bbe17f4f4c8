//! The lecture's index.ts: on every tick a new game, with its moves.

use std::process::ExitCode;

use game::{Game, GameError};
use reducer_game::logger;
use reducer_game::store::{Action, STORE, State};
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
    STORE.dispatch(Action::AddGame(game.at_its_start()))?;
    for played in game.moves {
        STORE.dispatch(Action::AddMove(game.id.clone(), played))?;
    }
    Ok(())
}

/// What the actions lead to is all that there is.
fn verdict() -> String {
    let replayed = State::after(&STORE.log());
    let same = replayed.is_ok_and(|state| state == *STORE.state());
    let what = if same {
        "only actions change"
    } else {
        "not only actions change"
    };
    what.to_owned() + " it"
}
