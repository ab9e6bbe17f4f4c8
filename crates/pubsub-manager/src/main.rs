//! The demonstration: users come, follow stocks and leave, and one manager stands between them
//! and a broker. `cargo run -p pubsub-manager` needs nothing installed.

mod demo;

use clap::Parser;
use demo::{Demo, Flags};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut demo = Demo::start(Flags::parse())?;
    tokio::select! {
        () = demo.run() => {}
        // Ctrl-C ends early; the verdict is on what has been seen.
        interrupt = tokio::signal::ctrl_c() => interrupt?,
    }
    demo.end().await;
    Ok(())
}
