//! Parses the command line, builds the runtime, runs one of three things, and reports.

use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use pubsub_manager::BrokerAddress;
use stock_feed::cli::{Cli, Command, Serve, seats};
use stock_feed::{publish, server, watch};
#[cfg(unix)]
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    // One thread: a server of this fleet is as large as one core, and a price then passes from
    // the broker's socket to every user's without waking anyone. More cores, more servers.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| {
            let ended = runtime.block_on(async {
                match cli.command {
                    None => serve(cli.serve).await,
                    Some(Command::Publish(publish)) => publish::run(publish).await,
                    Some(Command::Watch(watch)) => watch::run(watch).await,
                }
            });
            // A run that publishes from a pipe has a thread that waits for the pipe's next line, and
            // nothing can call it back. Ctrl-C must not wait for that line.
            runtime.shutdown_background();
            ended
        });
    ended.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "stock-feed: {error:#}");
        ExitCode::FAILURE
    })
}

fn log() {
    let wanted = std::env::var_os("RUST_LOG").unwrap_or_default();
    let wanted = wanted.to_string_lossy();
    let targets = match wanted.parse::<Targets>() {
        Ok(targets) if !wanted.is_empty() => targets,
        parsed => {
            if let Err(error) = parsed {
                let _ = writeln!(
                    io::stderr(),
                    "stock-feed: RUST_LOG={wanted:?} means nothing ({error}): write for instance stock_feed=debug"
                );
            }
            Targets::new().with_default(LevelFilter::INFO)
        }
    };
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let lines = fmt::layer()
        .with_target(false)
        .with_ansi(colours)
        .with_writer(io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

async fn serve(serve: Serve) -> anyhow::Result<ExitCode> {
    // Most systems give a program a thousand descriptors and let it ask for more.
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let address = serve.listen;
    let options = match serve.options(descriptors) {
        Ok(options) => options,
        Err(error) => {
            writeln!(io::stderr(), "stock-feed: --redis: {error}")?;
            return Ok(ExitCode::from(2));
        }
    };
    // The reader of the address below may ask us to end in the next moment.
    let end = asked_to_end()?;
    let listener = match server::listen(address) {
        Ok(listener) => listener,
        Err(error) => {
            let advice = advice(address, error.kind());
            return Err(error).context(advice);
        }
    };
    let address = listener.local_addr()?;
    let room = seats(descriptors);
    if options.limits.users > room {
        tracing::warn!(
            descriptors,
            "there may be no descriptors for so many users: raise the limit (ulimit -Hn), or start with --max-users {room}"
        );
    }
    let from = match (&options.broker, &options.market) {
        (BrokerAddress::InProcess(_), Some(_)) => "a simulated market in this process",
        (BrokerAddress::InProcess(_), None) => "nowhere: there is neither a Redis nor a market",
        (_, Some(_)) => "a Redis, and a simulated market is published there",
        (_, None) => "a Redis",
    };
    let mut out = io::stdout();
    writeln!(
        out,
        "stock-feed: http://{address} has the page, ws://{address}/ws the feed"
    )?;
    writeln!(out, "stock-feed: prices come from {from}; Ctrl-C ends it")?;
    server::run(listener, options, end).await?;
    Ok(ExitCode::SUCCESS)
}

/// Says what can be done about an address that cannot be had.
fn advice(address: SocketAddr, why: io::ErrorKind) -> String {
    let remedy = match why {
        io::ErrorKind::AddrInUse => match free_port(address) {
            Some(free) => format!(
                "if another server runs there, use it or stop it, or start this one with --listen {free}"
            ),
            None => "if another server runs there, use it or stop it".to_owned(),
        },
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 are the administrator's on most systems, take a higher one, for instance --listen {}",
            SocketAddr::new(address.ip(), 3000)
        ),
        io::ErrorKind::AddrNotAvailable => {
            "choose an address of this machine with --listen".to_owned()
        }
        _ => "choose another one with --listen".to_owned(),
    };
    format!("cannot listen on {address}: {remedy}")
}

fn free_port(address: SocketAddr) -> Option<SocketAddr> {
    (1..=100)
        .filter_map(|more| address.port().checked_add(more))
        .map(|port| SocketAddr::new(address.ip(), port))
        .find(|free| TcpListener::bind(free).is_ok())
}

/// Is ready at the first Ctrl-C, SIGTERM or SIGHUP. At the second the process ends at once.
#[cfg(unix)]
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    };
    let (ask, asked) = oneshot::channel();
    tokio::spawn(async move {
        next().await;
        let _ = ask.send(());
        next().await;
        std::process::exit(1);
    });
    Ok(async move { asked.await.expect("the task above asks before it ends") })
}

/// Is ready at Ctrl-C.
#[cfg(not(unix))]
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_the_administrators_is_not_taken_for_a_wrong_address() {
        let advice = advice(
            "127.0.0.1:80".parse().expect("an address"),
            io::ErrorKind::PermissionDenied,
        );
        assert!(advice.ends_with("--listen 127.0.0.1:3000"), "{advice}");
    }
}
