//! The command line of lessons 3 and 4: a demonstration, or three servers to play on.

mod flags;

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use program::server::LISTENING;
use program::supervisor::{Supervisor, supervise};
use program::{asked_to_end, bind_next_free, http, log_to_stderr, report, stdin_closed};
use stateless_server::DatabaseUrl;
use stateless_server::store::Database;
use sticky_rooms::demo::Demo;
use sticky_rooms::fleet::{Fleet, address};
#[cfg(unix)]
use sticky_rooms::proxy::{Output, Proxy, ProxySettings};
use sticky_rooms::rooms::{Rooms, look_every};
use sticky_rooms::router::Router;
use sticky_rooms::router::owner::By;
use sticky_rooms::seats::Seats;
use sticky_rooms::{lease, places};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::filter::LevelFilter;

use flags::{Command, Flags, Serve, Server};

const NAME: &str = env!("CARGO_PKG_NAME");

/// Where the page is when no address is given, or at the next port that is free.
const PORT: u16 = 3002;

fn main() -> ExitCode {
    // Started once more by itself, this program holds HAProxy or nginx, which must not outlive it.
    match supervise() {
        Some(code) => code,
        None => run(),
    }
}

#[tokio::main]
async fn run() -> ExitCode {
    let flags = Flags::parse();
    log_to_stderr(NAME, LevelFilter::WARN);
    let ended = match &flags.command {
        Some(Command::Serve(serve)) => run_three(serve).await,
        Some(Command::Server(server)) => run_one(server).await,
        Some(Command::Places) => places::show(&mut io::stdout()).map_err(Into::into),
        Some(Command::Lease) => lease::show(&mut io::stdout()).await,
        None => demo(flags.by).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if flags.is_quiet() => ExitCode::FAILURE,
        Err(error) => report(NAME, &*error),
    }
}

async fn demo(by: Option<By>) -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a directory for the database")?;
    let demo = Demo {
        program: env::current_exe().context("cannot find this very program")?,
        database: DatabaseUrl::sqlite(directory.path().join("games.db")),
        by,
    };
    let asked = asked_to_end().context("cannot wait for signals")?;
    let mut out = io::stdout();
    tokio::select! {
        shown = demo.show(&mut out) => shown,
        () = asked => Ok(()),
    }
}

/// Runs one server until it is asked to end.
async fn run_one(flags: &Server) -> Result<()> {
    let database = Database::open(&flags.database()).await?;
    let seats = Seats::open(&database).await?;
    let rooms = Rooms::new(flags.number, database.clone(), seats);
    let listener = TcpListener::bind(flags.listen).await;
    let listener = listener.with_context(|| format!("cannot listen at {}", flags.listen))?;
    let (asked, until_stdin_closes) = (asked_to_end()?, flags.until_stdin_closes);
    let router = sticky_rooms::server::router(rooms.clone(), flags.pages.options());
    let (address, number) = (listener.local_addr()?, flags.number);
    writeln!(
        io::stdout(),
        "{LISTENING}http://{address} (server {number})"
    )?;
    tokio::select! {
        () = http::serve(listener, router, std::future::pending()) => {}
        () = look_every(flags.look_every, rooms.clone()) => {}
        () = asked => {}
        () = stdin_closed(), if until_stdin_closes => {}
    }
    rooms.close().await;
    database.close().await;
    Ok(())
}

/// Runs three servers and the router in front of them until Ctrl-C.
///
/// It is long because it is one sequence: each part needs the ones before it, and all end in reverse order.
async fn run_three(flags: &Serve) -> Result<()> {
    let asked = asked_to_end().context("cannot wait for signals")?;
    let listener = match flags.listen {
        Some(address) => TcpListener::bind(address).await,
        None => bind_next_free(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))).await,
    };
    let listener = listener.context("cannot listen; choose another address with --listen")?;
    let fleet = Fleet {
        program: env::current_exe().context("cannot find this very program")?,
        database: flags.database(),
        look_every: Duration::from_secs(1),
        options: flags.pages.options(),
    };
    let servers = fleet.start_all().await?;
    let addresses = servers.iter().map(address).collect::<Result<Vec<_>>>()?;
    let (mut out, listen) = (io::stdout(), listener.local_addr()?);
    writeln!(
        out,
        "sticky-rooms: http://{}/rooms/opera-1858 ({}; games and seats are in {})",
        listen, flags.by, fleet.database
    )?;
    let mut keeping = JoinSet::new();
    let (end, ending) = watch::channel(());
    for server in servers {
        let (number, url, process) = (server.number, &server.url, server.process);
        writeln!(out, "server {number}: {url} process {process}")?;
        let (fleet, pause, ending) = (fleet.clone(), flags.restart_after, ending.clone());
        keeping.spawn(async move { fleet.keep(server, pause, ending).await });
    }
    writeln!(
        out,
        "try: open the page in two windows, play, then kill the server that they are on"
    )?;
    out.flush()?;
    let mut routing = JoinSet::new();
    let (by, options) = (flags.by, flags.pages.options());
    #[cfg(unix)]
    let proxy = flags.proxy;
    routing.spawn(async move {
        #[cfg(unix)]
        if let Some(program) = proxy {
            // The port is known to be free, and is the proxy's from here on.
            drop(listener);
            let settings = ProxySettings {
                program,
                by,
                listen,
                servers: &addresses,
            };
            let this = Supervisor::this();
            let mut proxy = Proxy::start(&this, settings, Output::Shown).await?;
            let status = proxy.ended().await?;
            bail!("{} ended ({status})", program.name());
        }
        Router::new(by, addresses, options).run(listener).await;
        anyhow::Ok(())
    });
    let ended = tokio::select! {
        Some(ended) = routing.join_next() => ended?,
        Some(ended) = keeping.join_next() => ended?,
        () = asked => Ok(()),
    };
    // The servers first, and the router for as long as they need it: each closes its rooms with 1012
    // and its database, and the visitors read that through the router.
    end.send_replace(());
    while keeping.join_next().await.is_some() {}
    // Servers that close a file of SQLite in the same moment each leave its journal to the others.
    if matches!(fleet.database, DatabaseUrl::Sqlite(_))
        && let Ok(database) = Database::open(&fleet.database).await
    {
        database.close().await;
    }
    routing.shutdown().await;
    ended
}
