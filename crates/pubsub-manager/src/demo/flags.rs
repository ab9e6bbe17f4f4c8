//! The command line.

use clap::{CommandFactory, Parser, error::ErrorKind};
use pubsub_manager::RedisAddress;
use redis_client::RedisFlag;
use std::time::Duration;

/// Users connect, subscribe to stocks and disconnect; one manager subscribes this server to exactly
/// the channels that its users want.
///
/// Without flags the broker is inside this program and a market makes up prices, so nothing needs
/// to be installed and each run is the same. With --redis the prices are what is published there,
/// for instance by `redis-cli PUBLISH APPL 100.1`: run it in two terminals to see two servers share
/// one Redis.
#[derive(Parser)]
#[command(version, after_help = "The lesson: lessons/12a-pubsub-manager.md")]
pub(crate) struct Flags {
    /// The time between two users, such as 500ms, or 5s as in the lecture; 0s plays without pauses
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    pub(crate) every: Duration,
    /// How many users come before it ends
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) rounds: u64,
    /// Go on until Ctrl-C
    #[arg(long)]
    pub(crate) forever: bool,
    /// Subscribe to a real Redis, for instance redis://127.0.0.1:6379; it may be down, and restart
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<RedisFlag>,
    /// Make up prices on that Redis too
    #[arg(long, requires = "redis")]
    market: bool,
    /// Another seed gives other users, stocks and prices
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Flags {
    pub(crate) fn has_market(&self) -> bool {
        self.market || self.redis().is_none()
    }

    /// The Redis to subscribe to, if any. A bad address ends the program with code 2.
    pub(crate) fn redis(&self) -> Option<RedisAddress> {
        let flag = self.redis.as_ref()?;
        flag.address().unwrap_or_else(|error| {
            let message = format!("--redis: {error}");
            Self::command()
                .error(ErrorKind::ValueValidation, message)
                .exit()
        })
    }
}

fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write for instance 500ms or 5s"))
}
