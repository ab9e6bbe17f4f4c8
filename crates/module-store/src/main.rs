//! The lecture's index.ts: on every tick a new game goes to the store.

use std::process::ExitCode;
use std::sync::PoisonError;

use game::Game;
use module_store::{logger, store};
use story::Story;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let story = Story {
        name: env!("CARGO_PKG_NAME"),
        idea: env!("CARGO_PKG_DESCRIPTION"),
        try_next: include_str!("../try_next.txt"),
    };
    let add = async |game| {
        add(game);
        Ok(())
    };
    let look = async |out: &mut _| Ok(logger::look(out)?);
    story.tell(add, look, verdict).await
}

fn add(game: Game) {
    let mut games = store::GAMES.lock().unwrap_or_else(PoisonError::into_inner);
    games.push(game);
}

/// Both files name a place in memory: one list if it is the same.
fn verdict() -> String {
    match std::ptr::eq(&raw const store::GAMES, logger::list()) {
        true => "one list".to_owned(),
        false => "two lists".to_owned(),
    }
}
