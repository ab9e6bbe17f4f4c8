//! The flags.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};
use program::address;
use program::origin::{Allowed, Forwarded};
use stateless_server::{DatabaseFlag, DatabaseUrl};
use sticky_rooms::control::ControlToken;
use sticky_rooms::fleet::SERVERS;
#[cfg(unix)]
use sticky_rooms::proxy::Program;
use sticky_rooms::router::owner::By;
use sticky_rooms::server::Options;

/// Thirty games over three servers, three times: players who are sent to servers by turns never
/// meet, by user seldom, by room always; then a server is killed
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "\
Begin without flags, then `serve`, open two windows, and kill the server that they are on. `serve`
prints an address for an operator: join, drain/2, restart/2 or restart, each with curl -X POST.
The pages are lessons/03-live-state.md, lessons/04-stickiness.md and lessons/04b-scale-out.md."
)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Show only players who are sent to servers by turns, by user, or by room [default: all three,
    /// one after the other]
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<By>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run servers and a router in front, with a page to play on, until Ctrl-C
    Serve(Serve),
    /// Play thirty games while a server joins, another one is drained, and the others are restarted
    Deploy,
    /// Count which rooms change their server when one is added or taken away
    Places,
    /// Show how a lease without a fence loses a move, and what a fencing token does
    Lease,
    /// Run one server, as `serve` starts them
    #[command(hide = true)]
    Server(Server),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Send visitors to servers by turns, by user, or by room
    #[arg(long, value_name = "WHAT", default_value = "room")]
    pub(crate) by: By,

    /// Start this many servers; more of them can join later
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = SERVERS as u16,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub(crate) servers: u16,

    /// Put the real HAProxy or nginx in front, with the configuration in crates/sticky-rooms/proxy
    #[cfg(unix)]
    #[arg(long, value_name = "PROGRAM", conflicts_with = "servers")]
    pub(crate) proxy: Option<Program>,

    /// Listen here [default: 127.0.0.1:3002, or the next free port]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    /// Keep games and seats in sqlite:FILE or postgres://USER@HOST/NAME [default: what
    /// DATABASE_URL says, or else games.db]
    #[arg(long, value_name = "URL")]
    database: Option<DatabaseFlag>,

    /// Start a server again so long after it ended, for example 10s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = pause)]
    pub(crate) restart_after: Duration,

    #[command(flatten)]
    pub(crate) pages: Pages,
}

#[derive(Debug, Args)]
pub(crate) struct Server {
    #[arg(long)]
    pub(crate) number: usize,

    #[arg(long, value_parser = address)]
    pub(crate) listen: SocketAddr,

    #[arg(long)]
    database: Option<DatabaseFlag>,

    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    pub(crate) look_every: Duration,

    #[arg(long)]
    pub(crate) until_stdin_closes: bool,

    /// Print no reason if it cannot be started: an attempt before this one has printed it.
    #[arg(long)]
    pub(crate) quiet_start: bool,

    #[command(flatten)]
    pub(crate) pages: Pages,
}

// Which pages may use the servers. As a doc comment, clap would print this as what the command does.
#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// A page of another origin that may open a socket, for instance https://rooms.example; * for any.
    /// May be given more than once.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Allowed>,

    /// A proxy stands in front, and visitors reach this program through the proxy only: the host that
    /// the proxy puts in X-Forwarded-Host is this program's own, too
    #[arg(long)]
    trust_proxy: bool,

    /// Ping each visitor this often; a visitor that answers neither of two pings is gone
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = ping_every)]
    ping_every: Duration,
}

impl Pages {
    pub(crate) fn options(&self) -> Options {
        Options {
            origins: self.allow_origin.clone(),
            forwarded: match self.trust_proxy {
                true => Forwarded::Trusted,
                false => Forwarded::Ignored,
            },
            ping_every: self.ping_every,
            control: None,
        }
    }
}

fn ping_every(text: &str) -> Result<Duration, String> {
    match pause(text)? {
        Duration::ZERO => Err("more than nothing; write it like 25s".to_owned()),
        time => Ok(time),
    }
}

impl Flags {
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(&self.command, Some(Command::Server(server)) if server.quiet_start)
    }
}

impl Serve {
    pub(crate) fn database(&self) -> DatabaseUrl {
        database(self.database.as_ref())
    }

    /// Those of the router and of all servers.
    pub(crate) fn options(&self) -> Options {
        Options {
            control: Some(ControlToken::random()),
            ..self.pages.options()
        }
    }
}

impl Server {
    pub(crate) fn options(&self) -> Options {
        Options {
            control: ControlToken::of_environment(),
            ..self.pages.options()
        }
    }

    pub(crate) fn database(&self) -> DatabaseUrl {
        database(self.database.as_ref())
    }
}

/// The database of the flag or of `DATABASE_URL`. If that is invalid, the program ends with code 2.
fn database(flag: Option<&DatabaseFlag>) -> DatabaseUrl {
    let chosen = DatabaseFlag::chosen(flag).unwrap_or_else(|message| {
        let mut command = Flags::command();
        command.error(ErrorKind::ValueValidation, message).exit()
    });
    chosen.unwrap_or_else(|| DatabaseUrl::sqlite("games.db"))
}

fn pause(text: &str) -> Result<Duration, String> {
    let pause = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it like 10s or 500ms"))?;
    if pause > Duration::from_secs(3_600) {
        return Err("at most an hour; write it like 10s".to_owned());
    }
    Ok(pause)
}
