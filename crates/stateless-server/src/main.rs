//! The command line of lesson 1: it reads the flags, and joins a store, a router and a listener.

mod flags;

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, Result};
use axum::Router;
use clap::Parser;
use program::server::LISTENING;
use program::{asked_to_end, bind_next_free, http, log_to_stderr, report, stdin_closed};
use stateless_server::bench::Bench;
use stateless_server::demo::{Demo, Outcome};
use stateless_server::fleet::GamesPlace;
use stateless_server::store::{Database, InMemory};
use stateless_server::{DatabaseUrl, api};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use flags::{BenchFlags, Command, DemoFlags, Flags, Serve};

const NAME: &str = env!("CARGO_PKG_NAME");

/// Where a server listens when nobody says where.
const PORT: u16 = 8080;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    log_to_stderr(NAME, LevelFilter::WARN);
    let ended = match flags.command {
        Command::Serve(flags) => serve(&flags).await.map(|()| ExitCode::SUCCESS),
        Command::Demo(flags) => demo(&flags).await,
        Command::Bench(flags) => bench(&flags).await.map(|()| ExitCode::SUCCESS),
    };
    ended.unwrap_or_else(|error| report(NAME, &*error))
}

/// Runs one server until it is asked to end.
async fn serve(flags: &Serve) -> Result<()> {
    let place = match flags.place() {
        Some(place) => place,
        None => GamesPlace::Database("sqlite:games.db".parse()?),
    };
    match &place {
        GamesPlace::Database(url) => {
            let database = Database::open(url).await?;
            answer(flags, &place, api::router(database.clone())).await?;
            database.close().await;
            Ok(())
        }
        GamesPlace::InMemory => answer(flags, &place, api::router(InMemory::default())).await,
    }
}

async fn answer(flags: &Serve, place: &GamesPlace, router: Router) -> Result<()> {
    let listener = listen(flags.listen).await?;
    let until_stdin_closes = flags.until_stdin_closes;
    let asked = asked_to_end().context("cannot wait for signals")?;
    let shutdown = async move {
        tokio::select! {
            () = asked => {}
            () = stdin_closed(), if until_stdin_closes => {}
        }
    };
    let address = listener.local_addr()?;
    writeln!(
        io::stdout(),
        "{LISTENING}http://{address} (games are in {place})"
    )
    .context("cannot print the address")?;
    http::serve(listener, router, shutdown).await;
    Ok(())
}

/// Who names a port wants that one; who names none is content with the next that is free.
async fn listen(wished: Option<SocketAddr>) -> Result<TcpListener> {
    if let Some(address) = wished {
        return TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen at {address}; choose another port, or 0 for any free one")
        });
    }
    let listener = bind_next_free((Ipv4Addr::LOCALHOST, PORT).into()).await;
    let listener =
        listener.with_context(|| format!("cannot listen at {PORT} or a port after it"))?;
    if listener.local_addr()?.port() != PORT {
        tracing::warn!("port {PORT} is in use; taking the next that is free");
    }
    Ok(listener)
}

/// Shows the demonstration; without a database of its user's, over a file that ends with it.
async fn demo(flags: &DemoFlags) -> Result<ExitCode> {
    let directory = tempfile::tempdir().context("cannot make a directory for the database")?;
    let place = match flags.place() {
        Some(place) => place,
        None => GamesPlace::Database(DatabaseUrl::sqlite(directory.path().join("games.db"))),
    };
    let demo = Demo {
        program: env::current_exe().context("cannot find this very program")?,
        place,
        games: flags.games as usize,
        seed: flags.seed,
        pace: flags.pace,
    };
    let asked = asked_to_end().context("cannot wait for signals")?;
    match demo.show(&mut io::stdout(), asked).await {
        // In memory, that games are lost is what was to be shown.
        Ok(Outcome::Unequal) if matches!(demo.place, GamesPlace::Database(_)) => {
            Ok(ExitCode::FAILURE)
        }
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}

/// Measures; without a database of its user's, over a file that ends with it.
async fn bench(flags: &BenchFlags) -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a directory for the database")?;
    let in_directory = || DatabaseUrl::sqlite(directory.path().join("games.db"));
    let bench = Bench {
        program: env::current_exe().context("cannot find this very program")?,
        database: flags.database().unwrap_or_else(in_directory),
        rounds: flags.rounds as usize,
        seconds: flags.seconds,
        connections: flags.connections as usize,
    };
    let asked = asked_to_end().context("cannot wait for signals")?;
    let mut out = io::stdout();
    tokio::select! {
        shown = bench.show(&mut out) => Ok(shown?),
        // Dropping the measurement ends wrk and the servers, and deletes the files.
        () = asked => Ok(()),
    }
}
