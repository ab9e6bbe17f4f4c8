//! Shows the faults of the first manager: `cargo run -p naive-pubsub`.

use anyhow::Context;
use clap::Parser;
use naive_pubsub::Play;
use program::{asked_to_end, report};
use std::io;
use std::process::ExitCode;

/// Plays ten scenes on the lecture's first PubSubManager and counts what goes wrong.
///
/// Nothing needs to be installed: Redis and the users are inside this program. Each scene prints who
/// did what, the result, and the manager's map after it; the last line is the verdict. A fault that
/// you fix in src/pubsub_manager.rs is no longer counted.
#[derive(Parser)]
#[command(
    version,
    after_help = "Its page is lessons/11-naive-pubsub.md. Next: cargo run -p pubsub-manager"
)]
struct Flags {
    /// How long to wait between two scenes, such as 500ms or 5s; 0s plays without pauses.
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
    let print = "cannot print the scenes";
    tokio::select! {
        played = play.run(flags.every.into()) => played.context(print)?,
        // A signal ends it early; the verdict counts what was shown by then.
        () = asked => {}
    }
    play.end().context(print)?;
    Ok(())
}
