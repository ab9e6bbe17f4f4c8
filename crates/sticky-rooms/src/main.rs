//! The command line of lessons 3, 4 and 4b: demonstrations, or servers to play on.

mod flags;

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use program::server::LISTENING;
use program::supervisor::{Supervisor, supervise};
use program::{asked_to_end, bind_next_free, http, log_to_stderr, report, stdin_closed};
use stateless_server::DatabaseUrl;
use stateless_server::store::Database;
use sticky_rooms::demo::Demo;
use sticky_rooms::deploy::Deploy;
use sticky_rooms::fleet::{Fleet, address};
use sticky_rooms::operator::Operator;
use sticky_rooms::operator::commands::commands;
#[cfg(unix)]
use sticky_rooms::proxy::{Output, Proxy, ProxySettings};
use sticky_rooms::rooms::{Rooms, look_every};
use sticky_rooms::router::Router;
use sticky_rooms::router::owner::By;
use sticky_rooms::seats::Seats;
use sticky_rooms::{lease, places};
use tempfile::TempDir;
use tokio::net::TcpListener;
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
        Some(Command::Serve(serve)) => run_all(serve).await,
        Some(Command::Server(server)) => run_one(server).await,
        Some(Command::Deploy) => deploy().await,
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
    let (directory, program) = (database_directory()?, this_program()?);
    let database = DatabaseUrl::sqlite(directory.path().join("games.db"));
    let demo = Demo {
        program,
        database,
        by,
    };
    until_asked(demo.show(&mut io::stdout())).await
}

async fn deploy() -> Result<()> {
    let (directory, program) = (database_directory()?, this_program()?);
    let database = DatabaseUrl::sqlite(directory.path().join("games.db"));
    let deploy = Deploy { program, database };
    until_asked(deploy.show(&mut io::stdout())).await
}

async fn until_asked(showing: impl Future<Output = Result<()>>) -> Result<()> {
    let asked = asked_to_end().context("cannot wait for signals")?;
    tokio::select! {
        shown = showing => shown,
        () = asked => Ok(()),
    }
}

fn database_directory() -> Result<TempDir> {
    tempfile::tempdir().context("cannot make a directory for the database")
}

fn this_program() -> Result<PathBuf> {
    env::current_exe().context("cannot find this very program")
}

/// Runs one server until it is asked to end.
async fn run_one(flags: &Server) -> Result<()> {
    let database = Database::open(&flags.database()).await?;
    let seats = Seats::open(&database).await?;
    let rooms = Rooms::new(flags.number, database.clone(), seats);
    let listener = TcpListener::bind(flags.listen).await;
    let listener = listener.with_context(|| format!("cannot listen at {}", flags.listen))?;
    let (asked, until_stdin_closes) = (asked_to_end()?, flags.until_stdin_closes);
    let router = sticky_rooms::server::router(rooms.clone(), flags.options());
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

/// Runs all servers and the router in front of them until Ctrl-C.
///
/// It is long because it is one sequence: each part needs the ones before it, and all end in reverse order.
async fn run_all(flags: &Serve) -> Result<()> {
    let asked = asked_to_end().context("cannot wait for signals")?;
    let listener = match flags.listen {
        Some(address) => TcpListener::bind(address).await,
        None => bind_next_free(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))).await,
    };
    let listener = listener.context("cannot listen; choose another address with --listen")?;
    let fleet = Fleet {
        program: this_program()?,
        database: flags.database(),
        look_every: Duration::from_secs(1),
        options: flags.options(),
    };
    let servers = fleet.start_all(flags.servers.into()).await?;
    let addresses = servers.iter().map(address).collect::<Result<Vec<_>>>()?;
    let (mut out, listen) = (io::stdout(), listener.local_addr()?);
    writeln!(
        out,
        "sticky-rooms: http://{}/rooms/opera-1858 ({}; games and seats are in {})",
        listen, flags.by, fleet.database
    )?;
    for server in &servers {
        let (number, url, process) = (server.number, &server.url, server.process);
        writeln!(out, "server {number}: {url} process {process}")?;
    }
    writeln!(
        out,
        "try: open the page in two windows, play, then kill the server that they are on"
    )?;
    let router = Router::new(flags.by, addresses.clone(), fleet.options.clone());
    let (operator, mut failures) = Operator::new(
        fleet.clone(),
        Arc::clone(&router),
        servers,
        flags.restart_after,
    );
    let mut routing = JoinSet::new();
    #[cfg(unix)]
    let proxy = flags.proxy;
    #[cfg(not(unix))]
    let proxy: Option<()> = None;
    if proxy.is_none() {
        let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (routes, address) = commands(Arc::clone(&operator), control.local_addr()?);
        writeln!(
            out,
            "operator: curl -X POST {address}/join (or drain/2, restart/2, restart)"
        )?;
        routing.spawn(async move {
            http::serve(control, routes, std::future::pending()).await;
            anyhow::Ok(())
        });
    }
    out.flush()?;
    #[cfg(unix)]
    let by = flags.by;
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
        router.run(listener).await;
        anyhow::Ok(())
    });
    let ended = tokio::select! {
        Some(ended) = routing.join_next() => ended?,
        Some(failure) = failures.recv() => Err(failure),
        () = asked => Ok(()),
    };
    // The servers first, and the router for as long as they need it: each closes its rooms with 1012
    // and its database, and the visitors read that through the router.
    operator.end().await;
    // Servers that close a file of SQLite in the same moment each leave its journal to the others.
    if matches!(fleet.database, DatabaseUrl::Sqlite(_))
        && let Ok(database) = Database::open(&fleet.database).await
    {
        database.close().await;
    }
    routing.shutdown().await;
    ended
}
