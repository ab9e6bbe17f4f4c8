//! Plays the faults of the first manager: `cargo run -p naive-pubsub`.

use anyhow::Context;
use clap::Parser;
use naive_pubsub::Play;
use program::{asked_to_end, report};
use std::io;
use std::process::ExitCode;

/// Plays ten scenes on the lecture's first PubSubManager and counts what goes wrong.
///
/// Nothing is needed but this program: Redis and the users live inside it. Each scene prints who
/// did what, what came of it, and what the manager's map then holds; the last line is the
/// verdict. A fault that you cure in src/pubsub_manager.rs is no longer counted.
#[derive(Parser)]
#[command(
    version,
    after_help = "Its page is lessons/11-naive-pubsub.md. Next: cargo run -p pubsub-manager"
)]
struct Flags {
    /// How long to wait between two scenes, such as 500ms or 5s; 0s plays all at once.
    #[arg(long, value_name = "TIME", default_value = "500ms")]
    every: humantime::Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match play(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(env!("CARGO_PKG_NAME"), &*error),
    }
}

async fn play(flags: Flags) -> anyhow::Result<()> {
    let asked = asked_to_end().context("cannot wait for signals")?;
    let mut play = Play::new(io::stdout());
    let print = "cannot print the play";
    tokio::select! {
        played = play.run(flags.every.into()) => played.context(print)?,
        // A signal ends the play early; the verdict is about what was shown.
        () = asked => {}
    }
    play.end().context(print)?;
    Ok(())
}
