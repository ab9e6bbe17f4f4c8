//! The demonstration: users connect, subscribe to stocks and disconnect, and one manager connects them
//! with a broker. `cargo run -p pubsub-manager` needs nothing installed.

mod demo;

use anyhow::Context;
use clap::Parser;
use demo::{Demo, Flags};
use program::{asked_to_end, report};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(env!("CARGO_PKG_NAME"), &*error),
    }
}

async fn run() -> anyhow::Result<()> {
    let asked = asked_to_end().context("cannot wait for signals")?;
    let mut demo = Demo::start(Flags::parse())?;
    tokio::select! {
        () = demo.run() => {}
        // A signal ends it early; the verdict is about what was shown.
        () = asked => {}
    }
    demo.end().await;
    Ok(())
}
