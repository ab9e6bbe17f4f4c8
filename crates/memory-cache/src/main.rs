//! The command line of lesson 2: a demonstration, or one server of it.

mod flags;

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::{Json, Router, routing::get};
use clap::Parser;
use memory_cache::cached::Cached;
use memory_cache::counted::{Counts, Far};
use memory_cache::demo::{CopyPlace, Demo};
use memory_cache::shared::Shared;
use program::server::LISTENING;
use program::{asked_to_end, bind_next_free, http, log_to_stderr, report, stdin_closed};
use stateless_server::store::Database;
use stateless_server::{DatabaseUrl, api};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use flags::{Command, Flags, Serve};

const NAME: &str = env!("CARGO_PKG_NAME");

/// Where a server listens when no address is given, or at the next port that is free.
const PORT: u16 = 8081;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    log_to_stderr(NAME, LevelFilter::WARN);
    let ended = match &flags.command {
        Some(Command::Serve(serve)) => run(serve).await,
        None => demo(&flags).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(NAME, &*error),
    }
}

async fn demo(flags: &Flags) -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a directory for the database")?;
    let demo = Demo {
        program: env::current_exe().context("cannot find this very program")?,
        database: DatabaseUrl::sqlite(directory.path().join("games.db")),
        place: flags.place(),
        time_to_live: flags.cache.ttl,
        seed: flags.seed,
    };
    let asked = asked_to_end().context("cannot wait for signals")?;
    let mut out = io::stdout();
    tokio::select! {
        shown = demo.show(&mut out) => shown,
        () = asked => Ok(()),
    }
}

/// Runs one server until it is asked to end.
async fn run(flags: &Serve) -> Result<()> {
    let database = Database::open(&flags.database()).await?;
    let counts = Arc::new(Counts::default());
    let far = Far::new(database.clone(), flags.away, Arc::clone(&counts));
    let (cache, live) = (&flags.cache, flags.cache.ttl);
    let place = flags.place();
    let router = match &place {
        CopyPlace::Nowhere => with_counts(api::router(far), counts, Copies::None),
        CopyPlace::Redis(redis) => {
            let shared = Shared::new(far, redis.url.clone(), live, Arc::clone(&counts)).await;
            with_counts(api::router(shared), counts, Copies::Elsewhere)
        }
        CopyPlace::Tracked(redis) => {
            let (url, capacity) = (redis.url.clone(), cache.capacity);
            let shared = Shared::tracking(far, url, live, capacity, Arc::clone(&counts)).await;
            with_counts(
                api::router(shared.clone()),
                counts,
                Copies::Tracked(Box::new(shared)),
            )
        }
        CopyPlace::EachServer => {
            let cached = Cached::new(far, live, cache.capacity, Arc::clone(&counts));
            with_counts(
                api::router(cached.clone()),
                counts,
                Copies::Here(Box::new(cached)),
            )
        }
    };
    let listener = match flags.listen {
        Some(address) => TcpListener::bind(address).await,
        None => bind_next_free(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))).await,
    };
    let listener = listener.context("cannot listen; choose another address with --listen")?;
    let (asked, until_stdin_closes) = (asked_to_end()?, flags.until_stdin_closes);
    let shutdown = async move {
        tokio::select! {
            () = asked => {}
            () = stdin_closed(), if until_stdin_closes => {}
        }
    };
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "{LISTENING}http://{address} ({place})")?;
    http::serve(listener, router, shutdown).await;
    database.close().await;
    Ok(())
}

/// Where the copies are that `GET /cache` tells of.
#[derive(Clone)]
enum Copies {
    Here(Box<Cached<Far<Database>>>),
    Tracked(Box<Shared<Far<Database>>>),
    Elsewhere,
    None,
}

/// Adds `GET /cache`, which answers the counts as JSON.
fn with_counts(router: Router, counts: Arc<Counts>, copies: Copies) -> Router {
    let cache = move || async move {
        let mut counted = counts.read();
        match &copies {
            Copies::Here(cached) => counted.entries = cached.entries().await,
            Copies::Tracked(shared) => counted.entries = shared.own_entries(),
            Copies::Elsewhere => {}
            // Each read is one that no copy answered.
            Copies::None => counted.misses = counted.loads,
        }
        Json(counted)
    };
    router.route("/cache", get(cache))
}
