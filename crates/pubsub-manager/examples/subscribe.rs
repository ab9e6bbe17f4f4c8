//! What the lecture does with `redis-cli SUBSCRIBE`, through the manager:
//! `cargo run -p pubsub-manager --example subscribe APPL MSFT`, and `publish` in another terminal.

use anyhow::Context;
use clap::Parser;
use pubsub_manager::{BrokerAddress, Options, Outlet, PubSubManager, RedisUrl, Stock, UserId};
use std::{
    io::{self, Write},
    task::{self, Poll},
};

/// Follow stocks of a Redis and print what a user of this server is told, until Ctrl-C.
#[derive(Parser)]
struct Args {
    /// The stocks to follow, for instance APPL.
    #[arg(required = true)]
    stocks: Vec<Stock>,
    /// Where the Redis is; it may come later.
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379"
    )]
    redis: RedisUrl,
}

/// The way to a user who sits at this terminal.
struct Terminal;

impl Outlet for Terminal {
    fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        // A terminal keeps up; a pipe whose reader has gone is an error, and ends the user.
        io::stdout().write(bytes)
    }

    fn poll_ready(&self, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let broker = BrokerAddress::Redis(args.redis);
    let manager = PubSubManager::start(Options {
        broker,
        ..Options::default()
    })?;
    let me = manager.connect(UserId(1), Terminal)?;
    for stock in args.stocks {
        manager.user_subscribe(&me, stock)?;
    }
    tokio::signal::ctrl_c()
        .await
        .context("Ctrl-C cannot be heard here")?;
    manager.disconnect().await;
    Ok(())
}
