//! Parses the command line, builds the runtime, runs one of three things, and reports.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use feed_watch::FeedUrl;
use program::origin::Forwarded;
use program::{
    BadInput, asked_to_end, bind_next_free, log_to_stderr, raise_descriptor_limit, report,
};
use pubsub_manager::BrokerAddress;
use stock_feed::cli::{Cli, Command, Serve, Watch, max_users};
use stock_feed::{publish, server};
use tracing_subscriber::filter::LevelFilter;

const NAME: &str = env!("CARGO_PKG_NAME");

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(NAME, LevelFilter::INFO);
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
                    Some(Command::Publish(publish)) => publish::run(publish, asked_to_end()?).await,
                    Some(Command::Watch(watch)) => watch_feed(watch).await,
                }
            });
            // A run that publishes from a pipe has a thread that waits for the pipe's next line, and
            // nothing can call it back. Ctrl-C must not wait for that line.
            runtime.shutdown_background();
            ended
        });
    ended.unwrap_or_else(|error| report(NAME, &*error))
}

async fn serve(serve: Serve) -> anyhow::Result<ExitCode> {
    let descriptors = raise_descriptor_limit(u64::MAX);
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
            let advice = advice(address, error.kind()).await;
            return Err(error).context(advice);
        }
    };
    let address = listener.local_addr()?;
    let most = max_users(descriptors);
    if options.limits.users > most {
        tracing::warn!(
            descriptors,
            "there may not be descriptors for so many users: raise the limit (ulimit -Hn), or start with --max-users {most}"
        );
    }
    let per_address = options.limits.users_per_address.is_some();
    if per_address && options.limits.forwarded == Forwarded::Ignored && address.ip().is_loopback() {
        tracing::warn!(
            "all users of a proxy on this machine count as one address: behind a proxy, start with --trust-proxy"
        );
    }
    let from = match (&options.broker, &options.market) {
        (BrokerAddress::InProcess(_), Some(_)) => "a simulated market in this process",
        (BrokerAddress::InProcess(_), None) => "nowhere: there is neither a Redis nor a market",
        (BrokerAddress::RedisCluster(_), Some(_)) => {
            "a Redis Cluster, and a simulated market is published there"
        }
        (BrokerAddress::RedisCluster(_), None) => "a Redis Cluster",
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

async fn watch_feed(watch: Watch) -> anyhow::Result<ExitCode> {
    let feed: FeedUrl = watch.url.parse().map_err(BadInput::new)?;
    let end = asked_to_end()?;
    tokio::select! {
        printed = feed_watch::watch(&feed, &watch.stocks) => printed.context("cannot print")?,
        () = end => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What to do about an address on which the server cannot listen.
async fn advice(address: SocketAddr, why: io::ErrorKind) -> String {
    let remedy = match why {
        io::ErrorKind::AddrInUse => match next_free(address).await {
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

async fn next_free(address: SocketAddr) -> Option<SocketAddr> {
    let next = SocketAddr::new(address.ip(), address.port().checked_add(1)?);
    bind_next_free(next).await.ok()?.local_addr().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_needs_the_administrator_is_not_reported_as_an_invalid_address() {
        let address = "127.0.0.1:80".parse().expect("an address");
        let advice = advice(address, io::ErrorKind::PermissionDenied).await;
        assert!(advice.ends_with("--listen 127.0.0.1:3000"), "{advice}");
    }
}
