//! `feed-load users` and `feed-load limit`: many users of one server, and what they see.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::counts::Counts;
use crate::crew::{Crew, Plan, Stop};
use crate::laps::{self, per_million};
use crate::latency::Percentiles;
use crate::machine::{Callers, Machine, Need};
use crate::market::{Market, Road};
use crate::meter::Meter;
use crate::picks::Picks;
use crate::progress;
use crate::server::Server;
use crate::stocks::Stocks;
use crate::url::WsUrl;

/// What users do, against any server.
#[derive(Clone, Debug, Args)]
pub struct Crowding {
    /// How many users.
    #[arg(long, default_value_t = 1_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4_000_000))]
    pub users: usize,
    /// Which stocks there are: names (APPL,GOOG) or a number of made-up ones.
    #[arg(long, default_value = "1")]
    pub stocks: Stocks,
    /// How many of them each user follows.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub each: u16,
    /// Prices a second over all stocks, each stock in turn.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    pub rate: f64,
    /// Prices of one stock that are published together.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub burst: u16,
    /// How long prices flow.
    #[arg(long = "for", default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub length: Duration,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `feed-load users`.
#[derive(Clone, Debug, Args)]
pub struct Users {
    /// The server, for instance ws://127.0.0.1:3000/ws.
    #[arg(long)]
    pub url: WsUrl,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub crowding: Crowding,
    /// Publish prices of our own through the Redis that the server listens to. Without it the
    /// users take what the server's market sends: counted, but neither dated nor checked.
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// What stands before the stock in the name of a Redis channel.
    #[arg(long, default_value = "", requires = "redis")]
    pub channel_prefix: String,
    /// The server's process, if it is on this machine and cannot be found by its port.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
}

/// `feed-load limit`.
#[derive(Clone, Debug, Args)]
pub struct Limit {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub crowding: Crowding,
}

/// What many users of one server saw.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The URL, or "the bare loop".
    pub server: String,
    /// How many users.
    pub users: usize,
    /// How many stocks each follows.
    pub stocks_a_user: u16,
    /// Connecting.
    pub connecting: Connecting,
    /// Prices.
    pub prices: Prices,
    /// From publication to arrival, in milliseconds; absent when the prices were not ours.
    pub latency_ms: Option<Percentiles>,
}

/// What it took to connect and follow.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Connecting {
    /// From the first connection to the last acknowledged subscription.
    pub seconds: f64,
    /// Users a second.
    pub users_a_second: f64,
    /// CPU of the server for each, where it is known.
    pub server_cpu_micros_a_user: Option<f64>,
    /// Memory of the server before the first user, in MiB.
    pub server_empty_mib: Option<f64>,
    /// Memory of the server for each user, in KiB.
    pub server_kib_a_user: Option<f64>,
}

/// What became of the prices.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Prices {
    /// Published by us; absent when we didn't.
    pub published: Option<u64>,
    /// For how long they flowed.
    pub seconds: f64,
    /// Arrived a second, over all users.
    pub deliveries_a_second: f64,
    /// CPU seconds of the server per million deliveries, where it is known.
    pub server_cpu_seconds_a_million: Option<f64>,
    /// Subscriptions without their stock's newest price at the end; absent when it wasn't ours.
    pub without_newest: Option<u64>,
    /// The sums over all users.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Users {
    /// Connects, listens, and says what was seen.
    ///
    /// # Errors
    /// When the machine is too small, the server isn't there, or users get stuck.
    pub fn run(&self, stop: &Stop) -> anyhow::Result<Seen> {
        // One call beforehand tells at once what a thousand would tell after a while.
        TcpStream::connect_timeout(&self.url.address, Duration::from_secs(5)).with_context(|| {
            format!(
                "no server answers at {}: start one, for instance cargo run --release -p stock-feed",
                self.url.text
            )
        })?;
        let local = self.url.address.ip().is_loopback();
        let meter = match self.server_pid {
            Some(pid) => Some(Meter::of(pid)?),
            None if local => Meter::of_listener(self.url.address)
                .inspect_err(|error| {
                    eprintln!("feed-load: the server's cost stays unknown: {error}");
                })
                .ok(),
            None => None,
        };
        let road = self
            .redis
            .as_ref()
            .map(|redis| Road::to_redis(redis, &self.channel_prefix))
            .transpose()?;
        let target = Target {
            name: self.url.text.clone(),
            url: self.url.clone(),
            meter,
            road,
            servers_here: usize::from(local),
        };
        self.crowding.run(target, stop)
    }
}

impl Limit {
    /// Starts a bare loop and does to it what [`Users::run`] does to a server.
    ///
    /// # Errors
    /// When the machine is too small, or users get stuck.
    pub fn run(&self, stop: &Stop) -> anyhow::Result<Seen> {
        let (server, road) = Server::bare_loop(None)?;
        let target = Target {
            name: "the bare loop".into(),
            url: format!("ws://{}/ws", server.address)
                .parse()
                .map_err(anyhow::Error::msg)
                .context("our own URL")?,
            meter: Some(server.meter),
            road: Some(road),
            servers_here: 1,
        };
        self.crowding.run(target, stop)
    }
}

struct Target {
    name: String,
    url: WsUrl,
    meter: Option<Meter>,
    road: Option<Road>,
    servers_here: usize,
}

impl Crowding {
    fn run(&self, target: Target, stop: &Stop) -> anyhow::Result<Seen> {
        let each = self.each.min(self.stocks.0.len() as u16);
        Machine::here()?.check(&Need {
            users: self.users,
            servers: target.servers_here,
            one_falls: false,
            callers: Callers::of(&[target.url.address]),
        })?;
        let meter = target.meter;
        let cpu = || meter.map(|meter| meter.cpu()).transpose();
        let memory = || meter.map(|meter| meter.memory()).transpose();
        let (cpu_before, memory_before) = (cpu()?, memory()?);
        let plan = Plan {
            servers: vec![target.url.address],
            path: target.url.path,
            users: self.users,
            stocks: self.stocks.0.clone(),
            picks: Picks::Dealt {
                each,
                from: 0,
                of: self.stocks.0.len() as u16,
            },
            core: None,
        };
        let mut crew = Crew::gather(&plan, stop)?;
        let seconds = connect(&mut crew, self.users, each)?.as_secs_f64();
        let cpu_connected = cpu()?;
        let a_user = |all: Option<f64>| all.map(|all| all / self.users as f64);
        let connecting = Connecting {
            seconds,
            users_a_second: self.users as f64 / seconds,
            server_cpu_micros_a_user: a_user(
                cpu_connected
                    .zip(cpu_before)
                    .map(|(after, before)| (after - before).as_secs_f64() * 1e6),
            ),
            server_empty_mib: memory_before.map(|bytes| bytes as f64 / f64::from(1 << 20)),
            server_kib_a_user: a_user(
                memory()?
                    .zip(memory_before)
                    .map(|(after, before)| (after as f64 - before as f64) / 1024.0),
            ),
        };
        let mut market = target
            .road
            .map(|road| Market::new(self.stocks.0.clone(), road));
        if let Some(market) = &mut market {
            laps::open(&mut crew, market, 1)?;
        }
        let (before, cpu_before) = (crew.counts(), cpu()?);
        let start = Instant::now();
        let published = self.flow(&mut crew, market.as_mut())?;
        let without_newest = match &market {
            Some(market) => Some(crew.catch_up(market.newest(), Duration::from_secs(15))?),
            None => None,
        };
        let seconds = start.elapsed().as_secs_f64();
        let counts = Counts {
            connected: crew.counts().connected,
            following: crew.counts().following,
            // Whoever connects to a stale feed is told so before prices flow.
            told_stale: crew.counts().told_stale,
            ..crew.counts() - before
        };
        let spent = cpu()?.zip(cpu_before).map(|(after, before)| after - before);
        let latencies = crew.latencies()?;
        Ok(Seen {
            server: target.name,
            users: self.users,
            stocks_a_user: each,
            connecting,
            prices: Prices {
                published: market.map(|_| published),
                seconds,
                deliveries_a_second: counts.deliveries as f64 / seconds,
                server_cpu_seconds_a_million: spent
                    .filter(|_| counts.deliveries > 0)
                    .map(|spent| per_million(spent, counts.deliveries)),
                without_newest,
                counts,
            },
            latency_ms: latencies.all.percentiles(),
        })
    }

    /// Lets prices flow for the time asked, and says how many were published.
    fn flow(&self, crew: &mut Crew, market: Option<&mut Market>) -> anyhow::Result<u64> {
        let bar = progress::bar("prices flow (seconds)", self.length.as_secs().max(1));
        let start = Instant::now();
        let stocks = self.stocks.0.len();
        let (mut bursts, mut market) = (0_u64, market);
        while start.elapsed() < self.length {
            if let Some(market) = &mut market {
                // As many as are due by now: a publisher that fell behind catches up.
                let due =
                    (start.elapsed().as_secs_f64() * self.rate / f64::from(self.burst)) as u64 + 1;
                let stock = |burst: u64| (burst % stocks as u64) as usize;
                let prices =
                    (bursts..due).flat_map(|burst| (0..self.burst).map(move |_| stock(burst)));
                market.publish(prices)?;
                bursts = bursts.max(due);
            }
            crew.pass(Duration::from_secs_f64(
                (f64::from(self.burst) / self.rate).min(0.01),
            ))?;
            bar.set_position(start.elapsed().as_secs());
        }
        bar.finish_and_clear();
        Ok(bursts * u64::from(self.burst))
    }
}

/// Waits until everyone is connected and follows its stocks.
///
/// # Errors
/// When nothing moves for fifteen seconds, or Ctrl-C asks to end.
pub fn connect(crew: &mut Crew, users: usize, each: u16) -> anyhow::Result<Duration> {
    let bar = progress::bar("users connect", users as u64);
    let everything = users as u64 * u64::from(each);
    let took = crew.wait("users connect", |counts| {
        bar.set_position(counts.following / u64::from(each));
        counts.following >= everything
    })?;
    bar.finish_and_clear();
    Ok(took)
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(rate),
        _ => Err("a number above 0, and at most a million".into()),
    }
}
