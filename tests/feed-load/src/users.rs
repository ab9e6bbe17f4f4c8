//! `feed-load users` and `feed-load limit`: many users of one server, and what they see.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use crate::assignment::Assignment;
use crate::counts::Counts;
use crate::latency::Percentiles;
use crate::machine::{Callers, Machine, Need};
use crate::meter::Meter;
use crate::progress;
use crate::publisher::{Publisher, Transport};
use crate::rounds::{self, per_million};
use crate::server::Server;
use crate::stocks::Stocks;
use crate::stop::Stop;
use crate::url::WsUrl;
use crate::worker_pool::{Plan, WorkerPool};

/// What users do, against any server.
#[derive(Clone, Debug, Args)]
pub(crate) struct Load {
    /// How many users connect.
    #[arg(long, default_value_t = 1_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=4_000_000))]
    users: usize,
    /// Which stocks there are: names (APPL,GOOG) or a number of made-up ones.
    #[arg(long, default_value = "1")]
    stocks: Stocks,
    /// How many of them each user follows.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    each: u16,
    /// Prices a second over all stocks, each stock in turn.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    rate: f64,
    /// Prices of one stock that are published together.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    burst: u16,
    /// How long prices are published.
    #[arg(long = "for", default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    length: Duration,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `feed-load users`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Users {
    /// The server, for instance ws://127.0.0.1:3000/ws.
    #[arg(long)]
    url: WsUrl,
    #[command(flatten)]
    pub(crate) load: Load,
    /// Publish prices of our own through the Redis that the server listens to. Without it the
    /// users take what the server's market sends: counted, but neither dated nor checked.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// What stands before the stock in the name of a Redis channel.
    #[arg(long, default_value = "", requires = "redis")]
    channel_prefix: String,
    /// The server's process, if it is on this machine and cannot be found by its port.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
}

/// `feed-load limit`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Limit {
    #[command(flatten)]
    pub(crate) load: Load,
}

/// What many users of one server saw.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UsersReport {
    /// The URL, or "the bare loop".
    pub(crate) server: String,
    pub(crate) users: usize,
    pub(crate) stocks_a_user: u16,
    pub(crate) connecting: Connecting,
    pub(crate) prices: Prices,
    /// From publication to arrival, in milliseconds; absent when the prices were not ours.
    pub(crate) latency_ms: Option<Percentiles>,
}

/// What it took to connect and follow; of the server where its process is known.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Connecting {
    /// From the first connection to the last acknowledged subscription.
    pub(crate) seconds: f64,
    pub(crate) users_a_second: f64,
    pub(crate) server_cpu_micros_a_user: Option<f64>,
    /// Memory of the server before the first user, in MiB.
    pub(crate) server_empty_mib: Option<f64>,
    /// How much it grew for each user, in KiB.
    pub(crate) server_kib_a_user: Option<f64>,
}

/// What became of the prices.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Prices {
    /// Published by us; absent when we didn't.
    pub(crate) published: Option<u64>,
    pub(crate) seconds: f64,
    pub(crate) deliveries_a_second: f64,
    /// CPU seconds of the server per million deliveries, where its process is known.
    pub(crate) server_cpu_seconds_a_million: Option<f64>,
    /// Subscriptions without their stock's newest price at the end; absent when it wasn't ours.
    pub(crate) without_newest: Option<u64>,
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// What the users are to use.
struct Target {
    name: String,
    url: WsUrl,
    meter: Option<Meter>,
    transport: Option<Transport>,
    servers_here: usize,
}

impl Users {
    /// Connects, listens, and reports what was seen.
    pub(crate) fn run(&self, stop: &Stop) -> anyhow::Result<UsersReport> {
        // One call beforehand shows at once what a thousand would show after a while.
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
        let transport = match &self.redis {
            Some(redis) => Some(Transport::to_redis(redis, &self.channel_prefix)?),
            None => None,
        };
        let target = Target {
            name: self.url.text.clone(),
            url: self.url.clone(),
            meter,
            transport,
            servers_here: usize::from(local),
        };
        self.load.run(target, stop)
    }
}

impl Limit {
    /// Starts a bare loop and does to it what [`Users::run`] does to a server.
    pub(crate) fn run(&self, stop: &Stop) -> anyhow::Result<UsersReport> {
        let (server, transport) = Server::bare_loop(None)?;
        let url = format!("ws://{}/ws", server.address).parse();
        let target = Target {
            name: "the bare loop".into(),
            url: url.map_err(anyhow::Error::msg).context("our own URL")?,
            meter: Some(server.meter),
            transport: Some(transport),
            servers_here: 1,
        };
        self.load.run(target, stop)
    }
}

impl Load {
    /// Connects, publishes, and reports. It is long because it is the protocol of the measurement, in order.
    fn run(&self, target: Target, stop: &Stop) -> anyhow::Result<UsersReport> {
        let stocks = self.stocks.0.len() as u16;
        let each = self.each.min(stocks);
        Machine::here()?.check(&Need {
            users: self.users,
            servers: target.servers_here,
            redises: 0,
            one_fails: false,
            callers: Callers::of(&[target.url.address]),
        })?;
        let cpu = || target.meter.map(|meter| meter.cpu()).transpose();
        let memory = || target.meter.map(|meter| meter.memory()).transpose();
        let (cpu_before, memory_before) = (cpu()?, memory()?);
        let plan = Plan {
            servers: vec![target.url.address],
            path: target.url.path,
            users: self.users,
            stocks: self.stocks.0.clone(),
            assignment: Assignment::even(each, 0, stocks),
            core: None,
            gather: false,
        };
        let mut pool = WorkerPool::start(&plan, stop)?;
        let follows = self.users as u64 * u64::from(each);
        let connected = pool.wait_for("users connect", follows, |counts| counts.following)?;
        let seconds = connected.as_secs_f64();
        let spent = cpu()?.zip(cpu_before).map(|(now, before)| now - before);
        let grown = memory()?
            .zip(memory_before)
            .map(|(now, before)| now as f64 - before as f64);
        let connecting = Connecting {
            seconds,
            users_a_second: self.users as f64 / seconds,
            server_cpu_micros_a_user: spent.map(|cpu| cpu.as_secs_f64() * 1e6 / self.users as f64),
            server_empty_mib: memory_before.map(|bytes| bytes as f64 / f64::from(1 << 20)),
            server_kib_a_user: grown.map(|bytes| bytes / 1024.0 / self.users as f64),
        };
        let publisher = |transport| Publisher::new(plan.stocks, transport);
        let mut publisher = target.transport.map(publisher);
        if let Some(publisher) = &mut publisher {
            rounds::open(&mut pool, publisher, 1)?;
        }
        let (before, cpu_before, start) = (pool.counts(), cpu()?, Instant::now());
        let published = self.publish(&mut pool, publisher.as_mut())?;
        let without_newest = match &publisher {
            Some(publisher) => Some(pool.catch_up(publisher.newest(), Duration::from_secs(15))?),
            None => None,
        };
        let seconds = start.elapsed().as_secs_f64();
        let all = pool.counts();
        let counts = Counts {
            connected: all.connected,
            following: all.following,
            // A user who connects to a stale feed is warned before prices are published.
            stale_notices: all.stale_notices,
            ..all - before
        };
        let spent = cpu()?.zip(cpu_before).map(|(now, before)| now - before);
        Ok(UsersReport {
            server: target.name,
            users: self.users,
            stocks_a_user: each,
            connecting,
            prices: Prices {
                published: publisher.map(|_| published),
                seconds,
                deliveries_a_second: counts.deliveries as f64 / seconds,
                server_cpu_seconds_a_million: spent
                    .filter(|_| counts.deliveries > 0)
                    .map(|spent| per_million(spent, counts.deliveries)),
                without_newest,
                counts,
            },
            latency_ms: pool.latencies()?.all.percentiles(),
        })
    }

    /// Publishes for the time asked, or lets the server do so, and returns how many we published.
    fn publish(
        &self,
        pool: &mut WorkerPool,
        mut publisher: Option<&mut Publisher>,
    ) -> anyhow::Result<u64> {
        let bar = progress::bar(
            "prices are published (seconds)",
            self.length.as_secs().max(1),
        );
        let (start, mut bursts) = (Instant::now(), 0_u64);
        let (stocks, burst) = (self.stocks.0.len() as u64, f64::from(self.burst));
        while start.elapsed() < self.length {
            if let Some(publisher) = &mut publisher {
                // As many as are due by now: a publisher that is late catches up.
                let due = (start.elapsed().as_secs_f64() * self.rate / burst) as u64 + 1;
                let prices = (bursts..due).flat_map(|number| {
                    let stock = (number % stocks) as usize;
                    (0..self.burst).map(move |_| stock)
                });
                publisher.publish(prices)?;
                bursts = bursts.max(due);
            }
            pool.pass(Duration::from_secs_f64((burst / self.rate).min(0.01)))?;
            bar.set_position(start.elapsed().as_secs());
        }
        bar.finish_and_clear();
        Ok(bursts * u64::from(self.burst))
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(rate),
        _ => Err("a number above 0, and at most a million".into()),
    }
}
