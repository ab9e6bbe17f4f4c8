//! The lecture's index.ts: on every tick a new game goes to the store.

use std::process::ExitCode;
use std::sync::PoisonError;

use game::{Game, Story, Summary, Turn};
use module_store::{logger, store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match index().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => game::report(env!("CARGO_PKG_NAME"), error.as_ref()),
    }
}

async fn index() -> anyhow::Result<()> {
    let mut story = Story::open(
        "module-store",
        "main.rs and logger.rs share one list, in store.rs",
    )?;
    let mut seen = Summary::default();
    while let Some(turn) = story.next_turn().await? {
        match turn {
            Turn::Add(game) => add(game),
            Turn::Look => seen = logger::look()?,
        }
    }
    story.end(
        seen,
        "take the Mutex away from GAMES in crates/module-store/src/store.rs, and run again",
        "one list, two readers",
    )?;
    Ok(())
}

fn add(game: Game) {
    let mut games = store::GAMES.lock().unwrap_or_else(PoisonError::into_inner);
    games.push(game);
}
