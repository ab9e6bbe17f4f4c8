//! The flags.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};
use memory_cache::demo::{CopyPlace, RedisPlace};
use program::address;
use redis_client::RedisFlag;
use stateless_server::{DatabaseFlag, DatabaseUrl};

/// The longest time to live that may be asked for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Two servers over one slow database, and a cache in each: any server answers, and an answer may
/// be old for as long as the time to live
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "\
Begin without flags, then --no-cache, then --redis, then --redis with --tracking,
and compare the last lines.
The page is lessons/02-memory-cache.md."
)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) cache: CacheFlags,

    /// Keep the copies in a Redis that the servers share, such as redis://127.0.0.1:6379
    #[arg(long, value_name = "URL", conflicts_with = "no_cache")]
    redis: Option<RedisFlag>,

    /// Keep a copy in each server too, until that Redis pushes that it is old
    #[arg(long, requires = "redis")]
    tracking: bool,

    /// Pick the server for each read by this number: the same seed, the same servers
    #[arg(long, value_name = "N", default_value_t = 1851)]
    pub(crate) seed: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one server until Ctrl-C or SIGTERM; GET /cache says what its cache did
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct CacheFlags {
    /// How long a copy may be used, for example 2s or 500ms
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time_to_live, allow_hyphen_values = true)]
    pub(crate) ttl: Duration,

    /// How many games may be kept
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) capacity: u64,

    /// Ask the database each time
    #[arg(long)]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Listen here; port 0 is any free one [default: 127.0.0.1:8081, or the next free port]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    /// Where the games are
    #[arg(long, value_name = "URL", default_value = "sqlite:games.db")]
    database: DatabaseFlag,

    /// How much later than it could the database answers
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = humantime::parse_duration)]
    pub(crate) away: Duration,

    #[command(flatten)]
    pub(crate) cache: CacheFlags,

    /// Keep the copies in this Redis, unless --no-cache is given
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<RedisFlag>,

    /// Keep a copy here too, until that Redis pushes that it is old
    #[arg(long, requires = "redis")]
    tracking: bool,

    /// End when standard input ends, so that no server outlives the program that started it
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

impl Flags {
    pub(crate) fn place(&self) -> CopyPlace {
        place(&self.cache, self.redis.as_ref(), self.tracking)
    }
}

impl Serve {
    /// The database. An invalid address ends the program with code 2, and is not repeated.
    pub(crate) fn database(&self) -> DatabaseUrl {
        self.database.url().unwrap_or_else(|message| {
            let mut command = Flags::command();
            command.error(ErrorKind::ValueValidation, message).exit()
        })
    }

    pub(crate) fn place(&self) -> CopyPlace {
        place(&self.cache, self.redis.as_ref(), self.tracking)
    }
}

/// Where copies are kept. A bad address of a Redis ends the program with code 2, and is not
/// repeated.
fn place(cache: &CacheFlags, redis: Option<&RedisFlag>, tracking: bool) -> CopyPlace {
    let Some(flag) = redis.filter(|_| !cache.no_cache) else {
        return match cache.no_cache {
            true => CopyPlace::Nowhere,
            false => CopyPlace::EachServer,
        };
    };
    match flag.url() {
        Ok(Some(url)) => {
            let redis = RedisPlace::new(url, flag.text());
            match tracking {
                true => CopyPlace::Tracked(redis),
                false => CopyPlace::Redis(redis),
            }
        }
        Ok(None) => CopyPlace::EachServer,
        Err(error) => {
            let message = format!("--redis: {error}");
            let mut command = Flags::command();
            command.error(ErrorKind::ValueValidation, message).exit()
        }
    }
}

fn time_to_live(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it like 2s or 500ms"))?;
    if time.is_zero() {
        return Err("a copy that may not be used is no cache; write --no-cache instead".to_owned());
    }
    if time < Duration::from_millis(1) || time > LONGEST {
        return Err("between 1ms and 24h; write it like 2s or 500ms".to_owned());
    }
    Ok(time)
}
