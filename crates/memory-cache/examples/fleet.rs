//! Fifty servers share one cache, and a copy ends: who asks the database?
//! `cargo run -p memory-cache --example fleet`
//!
//! The cache is in this process and the clock is simulated: it jumps to the next timer, so some twenty
//! seconds pass in less than one, and each run is the same. With `--redis URL` the cache is a Redis and
//! the clock the real one. When that Redis does not answer within half a second, which is logged, each server asks
//! the database.

use std::io;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::{CommandFactory, Parser, error::ErrorKind};
use memory_cache::counted::Counts;
use memory_cache::fleet::{InProcess, InRedis, Story};
use program::log_to_stderr;
use redis_client::{RedisFlag, RedisUrl};
use tracing_subscriber::filter::LevelFilter;

/// Longer than a server should wait: all fifty are in this one process, and take turns.
const REPLY_TIMEOUT: Duration = Duration::from_millis(500);

/// Counts the loads of fifty servers that share one cache
#[derive(Debug, Parser)]
#[command(after_help = "The page is lessons/02b-one-cache-many-servers.md.")]
struct Flags {
    /// Share a Redis, such as redis://127.0.0.1:6379, by the real clock: about twenty seconds
    #[arg(long, value_name = "URL")]
    redis: Option<RedisFlag>,
}

fn main() -> Result<()> {
    let redis = redis(Flags::parse());
    log_to_stderr("fleet", LevelFilter::WARN);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(redis.is_none()).build()?;
    runtime.block_on(async {
        let mut out = io::stdout();
        let Some(url) = redis else {
            return Ok(Story::new(InProcess::default()).show(&mut out).await?);
        };
        let counts = Arc::new(Counts::default());
        let cache = InRedis::new(url, process::id(), REPLY_TIMEOUT, counts).await;
        Ok(Story::new(cache).show(&mut out).await?)
    })
}

/// An invalid address ends the program with code 2, and is not repeated.
fn redis(flags: Flags) -> Option<RedisUrl> {
    let url = flags.redis.map(|flag| flag.url()).transpose();
    let url = url.unwrap_or_else(|error| {
        let message = format!("--redis: {error}");
        Flags::command()
            .error(ErrorKind::ValueValidation, message)
            .exit()
    });
    url.flatten()
}
