//! The flags of `serve` and `demo`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};
use program::address;
use stateless_server::fleet::GamesPlace;
use stateless_server::{DatabaseFlag, DatabaseUrl};

/// The longest pause between two requests that may be asked for.
const SLOWEST: Duration = Duration::from_secs(10);

/// A games API that keeps nothing in memory, so that any server answers any request
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Begin with `demo`, then `demo --in-memory`, and compare their last lines.
The pages are lessons/01-stateless-server.md and lessons/01b-which-database.md."
)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one server until Ctrl-C or SIGTERM
    Serve(Serve),
    /// Play chess over three servers, kill one, add one, and see what is left
    Demo(DemoFlags),
    /// Measure how fast it is, beside no database, and three servers beside one; needs wrk
    Bench(BenchFlags),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Listen here; port 0 is any free one [default: 127.0.0.1:8080, or the next free port]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    #[command(flatten)]
    place: PlaceFlags,

    /// End when standard input ends, so that no server outlives the program that started it
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoFlags {
    #[command(flatten)]
    place: PlaceFlags,

    /// Play this many games, the ten famous ones over and over
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=9999))]
    pub(crate) games: u32,

    /// Pick the server for each request by this number: the same seed, the same servers
    #[arg(long, value_name = "N", default_value_t = 1851)]
    pub(crate) seed: u64,

    /// Wait this long between two requests, for example 50ms; 0 is as fast as they are answered
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = pace)]
    pub(crate) pace: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct BenchFlags {
    /// The database [default: what DATABASE_URL says, or else a temporary file]
    #[arg(long, value_name = "URL")]
    database: Option<DatabaseFlag>,

    /// Measure each case this often
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    pub(crate) rounds: u64,

    /// Let each measurement take this many seconds
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,

    /// Send requests over this many connections at the same time
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(3..=900))]
    pub(crate) connections: u64,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct PlaceFlags {
    /// Keep the games in sqlite:FILE or postgres://USER@HOST/NAME [default: what DATABASE_URL
    /// says, or else a file: games.db for `serve`, a temporary one for `demo`]
    #[arg(long, value_name = "URL")]
    database: Option<DatabaseFlag>,

    /// Keep the games in the process, to see what goes wrong
    #[arg(long)]
    in_memory: bool,
}

impl Serve {
    pub(crate) fn place(&self) -> Option<GamesPlace> {
        self.place.chosen()
    }
}

impl DemoFlags {
    pub(crate) fn place(&self) -> Option<GamesPlace> {
        self.place.chosen()
    }
}

impl PlaceFlags {
    fn chosen(&self) -> Option<GamesPlace> {
        if self.in_memory {
            return Some(GamesPlace::InMemory);
        }
        database_or_environment(self.database.as_ref()).map(GamesPlace::Database)
    }
}

impl BenchFlags {
    pub(crate) fn database(&self) -> Option<DatabaseUrl> {
        database_or_environment(self.database.as_ref())
    }
}

/// The database of the flag or of `DATABASE_URL`. If that is invalid, the program ends with code 2.
fn database_or_environment(flag: Option<&DatabaseFlag>) -> Option<DatabaseUrl> {
    DatabaseFlag::chosen(flag).unwrap_or_else(|message| {
        let mut command = Flags::command();
        command.error(ErrorKind::ValueValidation, message).exit()
    })
}

fn pace(text: &str) -> Result<Duration, String> {
    let pace = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it like 5ms, 1s or 0"))?;
    if pace > SLOWEST {
        return Err("at most ten seconds, or the games take too long".to_owned());
    }
    Ok(pace)
}
