//! `feed-load fleet`: many servers behind one Redis, a million users, and one server lost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use procfs::Current;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::counts::Counts;
use crate::crew::{Crew, Plan, Stop};
use crate::fall::Fall;
use crate::laps;
use crate::latency::Percentiles;
use crate::machine::{Callers, Machine, Need};
use crate::market::{Market, Road};
use crate::orders::Order;
use crate::picks::Picks;
use crate::progress;
use crate::redis_server::RedisServer;
use crate::server::find_stock_feed;
use crate::servers::{MIB, Servers};
use crate::stocks::Stocks;
use crate::users::connect;

/// Stocks of the market in the minute of life, besides the one that everybody follows at first.
const STOCKS: u16 = 500;
/// How many of them each user follows.
const EACH: u16 = 3;

/// `feed-load fleet`.
#[derive(Clone, Debug, Args)]
pub struct Fleet {
    /// How many servers.
    #[arg(long, default_value_t = 2, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub servers: usize,
    /// How many users on all servers together.
    #[arg(long, default_value_t = 10_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4_000_000))]
    pub users: usize,
    /// How long the life lasts in which users follow three of 500 stocks each, leave and come.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub life: Duration,
    /// Prices that should arrive each second of it, over all users.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub deliveries: u32,
    /// Users who leave and come again each second of it.
    #[arg(long, default_value_t = 1_000)]
    pub churn: u32,
    /// The same seed gives every user the same stocks.
    #[arg(long, default_value_t = 13)]
    pub seed: u64,
    /// The stock-feed program, if it is not beside this one.
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,
    /// Only say what the machine would need, and whether it has it.
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What a fleet did.
#[derive(Clone, Debug, Serialize)]
pub struct FleetReport {
    /// How many servers.
    pub servers: usize,
    /// How many users.
    pub users: usize,
    /// Until everybody was connected and followed a stock.
    pub connected_seconds: f64,
    /// Until one price had reached everybody.
    pub one_price_seconds: f64,
    /// Memory of all servers with everybody connected, in MiB.
    pub servers_mib: f64,
    /// What the machine had less than before, clients and kernel included, in MiB.
    pub machine_mib: f64,
    /// Until everybody had moved to three stocks of the market.
    pub moved_seconds: f64,
    /// The life.
    pub life: Life,
    /// From the death of a server until all its users were back elsewhere.
    pub users_back_seconds: Option<f64>,
    /// From its restart, or from the moment when all of them were elsewhere if that came later,
    /// until nobody was on the way home any more.
    pub server_back_seconds: Option<f64>,
    /// Users who found no place at home.
    pub not_home: u64,
    /// Subscriptions without the newest price after each stock was published again.
    pub without_newest: u64,
    /// Prices that never arrived and that nobody told of, from start to end.
    pub lost: u64,
    /// Prices that arrived twice or late.
    pub doubled: u64,
    /// Prices wrongly told as missed.
    pub miscounted: u64,
    /// Subscriptions that were told that their prices are stale.
    pub told_stale: u64,
    /// Prices of which that told, and nothing else.
    pub missed_while_stale: u64,
    /// Everything the users saw.
    pub counts: Counts,
}

/// What happened while users lived.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Life {
    /// For how long.
    pub seconds: f64,
    /// Prices published.
    pub published: u64,
    /// Prices that arrived each second.
    pub deliveries_a_second: f64,
    /// Prices told as missed.
    pub missed: u64,
    /// The part of it before a server fell, when nothing excuses a stale price.
    pub quiet: Quiet,
    /// Connections that a server ended: those of the server that fell, and of whoever was given up.
    pub ended: u64,
    /// From publication to arrival, in milliseconds, the fall included.
    pub latency_ms: Option<Percentiles>,
    /// Memory of all servers once everybody has come to rest after it, in MiB.
    pub servers_mib: f64,
    /// What the machine had less than before, in MiB.
    pub machine_mib: f64,
}

/// What life was like before a server fell.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quiet {
    /// Prices that arrived.
    pub deliveries: u64,
    /// Subscriptions that were told that their prices are stale.
    pub told_stale: u64,
    /// Prices of which that told, and nothing else.
    pub missed_while_stale: u64,
}

impl Fleet {
    fn need(&self) -> Need {
        Need {
            users: self.users,
            servers: self.servers,
            one_falls: true,
            callers: Callers::OwnAddresses,
        }
    }

    /// Says what the machine needs, and fails if it lacks something.
    ///
    /// # Errors
    /// A line for everything that is short.
    pub fn check(&self) -> anyhow::Result<()> {
        let need = self.need();
        Machine::here()?.check(&need)?;
        eprintln!("feed-load: {need}; this machine has that");
        Ok(())
    }

    /// Runs the whole story.
    ///
    /// # Errors
    /// When the machine is too small, a program is missing, or users get stuck.
    pub fn run(&self, stop: &Stop) -> anyhow::Result<FleetReport> {
        self.check()?;
        let program = find_stock_feed(self.server.clone())?;
        let memory = available()?;
        let redis = RedisServer::start(None, stop)?;
        let mut servers = Servers::start(self.servers, &program, &redis, stop)?;
        let mut stocks = vec!["ALL".to_owned()];
        stocks.extend(Stocks::made_up(STOCKS).0);
        let plan = Plan {
            servers: servers.addresses(),
            path: "/ws".into(),
            users: self.users,
            stocks: stocks.clone(),
            picks: Picks::Dealt {
                each: 1,
                from: 0,
                of: 1,
            },
            core: None,
        };
        let mut crew = Crew::gather(&plan, stop)?;
        let connected = connect(&mut crew, self.users, 1)?;

        let mut market = Market::new(stocks, Road::to_redis(redis.url(), "")?);
        laps::listened(&mut crew, &mut market, 0, self.servers)?;
        crew.order(&Order::StartFromZero)?;
        let goal = crew.counts().accounted() + self.users as u64;
        market.publish([0])?;
        let bar = progress::bar("one price to all", self.users as u64);
        let one_price = crew.wait("one price to all", |counts| {
            bar.set_position((counts.accounted() + self.users as u64).saturating_sub(goal));
            counts.accounted() >= goal
        })?;
        bar.finish_and_clear();
        let (servers_mib, machine_mib) = (servers.mib()?, taken_since(memory)?);

        let moved = self.move_to_the_market(&mut crew)?;
        let mut fall = Fall::of_one_among(self.servers);
        let life = self.live(&mut crew, &mut market, &mut servers, &mut fall, memory)?;
        laps::calm(&mut crew, &mut market)?;
        market.publish(1..=usize::from(STOCKS))?;
        let mut newest = market.newest().to_vec();
        newest[0] = 0;
        let without_newest = crew.catch_up(&newest, Duration::from_secs(120))?;
        let counts = crew.counts();
        Ok(FleetReport {
            servers: self.servers,
            users: self.users,
            connected_seconds: connected.as_secs_f64(),
            one_price_seconds: one_price.as_secs_f64(),
            servers_mib,
            machine_mib,
            moved_seconds: moved.as_secs_f64(),
            life,
            users_back_seconds: fall.users_back().map(|time| time.as_secs_f64()),
            server_back_seconds: fall.server_back().map(|time| time.as_secs_f64()),
            not_home: fall.not_home(),
            without_newest,
            lost: counts.lost,
            doubled: counts.doubled,
            miscounted: counts.miscounted,
            told_stale: counts.told_stale,
            missed_while_stale: counts.missed_while_stale,
            counts,
        })
    }

    fn move_to_the_market(&self, crew: &mut Crew) -> anyhow::Result<Duration> {
        crew.order(&Order::Follow(self.picks()))?;
        let everything = self.users as u64 * u64::from(EACH);
        let bar = progress::bar("users move to the market", everything);
        let moved = crew.wait("users move to the market", |counts| {
            bar.set_position(counts.following.min(everything));
            counts.following == everything
        })?;
        bar.finish_and_clear();
        Ok(moved)
    }

    fn picks(&self) -> Picks {
        Picks::Zipf {
            each: EACH,
            from: 1,
            of: STOCKS,
            seed: self.seed,
        }
    }

    /// About how many users each stock has, from a sample of them.
    fn followers(&self) -> Vec<f64> {
        let (picks, sample) = (self.picks(), self.users.min(20_000));
        let mut followers = vec![0.0; usize::from(STOCKS) + 1];
        for stock in (0..sample).flat_map(|user| picks.of(user)) {
            followers[usize::from(stock)] += self.users as f64 / sample as f64;
        }
        followers
    }

    /// Publishes as many prices as make the deliveries wished for, while users leave and come, and
    /// a server falls. A stock that many follow is followed by a longer pause.
    fn live(
        &self,
        crew: &mut Crew,
        market: &mut Market,
        servers: &mut Servers,
        fall: &mut Fall,
        memory: u64,
    ) -> anyhow::Result<Life> {
        let followers = self.followers();
        let mut dice = StdRng::seed_from_u64(self.seed);
        let mut stocks: Vec<usize> = (1..=usize::from(STOCKS)).collect();
        laps::calm(crew, market)?;
        crew.order(&Order::StartFromZero)?;
        crew.latencies()?;
        self.churn(crew, self.churn)?;
        let bar = progress::bar("life (seconds)", self.life.as_secs().max(1));
        let (before, start) = (crew.counts(), Instant::now());
        let (mut published, mut deliveries) = (0, 0.0);
        while start.elapsed() < self.life {
            let due = start.elapsed().as_secs_f64() * f64::from(self.deliveries);
            let mut batch = Vec::new();
            while deliveries < due {
                // Every stock once, in an order of the dice, and then again.
                let turn = published % stocks.len();
                if turn == 0 {
                    stocks.shuffle(&mut dice);
                }
                batch.push(stocks[turn]);
                deliveries += followers[stocks[turn]].max(1.0);
                published += 1;
            }
            market.publish(batch)?;
            let lived = start.elapsed().as_secs_f64() / self.life.as_secs_f64();
            fall.go_on(crew, servers, lived, &bar)?;
            crew.pass(Duration::from_millis(20))?;
            bar.set_position(start.elapsed().as_secs());
        }
        let seconds = start.elapsed().as_secs_f64();
        self.churn(crew, 0)?;
        bar.finish_and_clear();
        let lived = crew.counts() - before;
        let quiet = fall.counts_at_the_kill().unwrap_or(crew.counts()) - before;
        let latency_ms = crew.latencies()?.all.percentiles();
        self.come_to_rest(crew, servers, fall)?;
        Ok(Life {
            seconds,
            published: published as u64,
            deliveries_a_second: lived.deliveries as f64 / seconds,
            missed: lived.missed,
            quiet: Quiet {
                deliveries: quiet.deliveries,
                told_stale: quiet.told_stale,
                missed_while_stale: quiet.missed_while_stale,
            },
            ended: lived.ended,
            latency_ms,
            servers_mib: servers.mib()?,
            machine_mib: taken_since(memory)?,
        })
    }

    /// Waits for what life was too short for: a fallen server's users, and those who just left.
    fn come_to_rest(
        &self,
        crew: &mut Crew,
        servers: &mut Servers,
        fall: &mut Fall,
    ) -> anyhow::Result<()> {
        let everything = self.users as u64 * u64::from(EACH);
        let spinner = progress::spinner("life is over: everybody comes to rest");
        fall.finish(crew, servers, &spinner)?;
        crew.wait("everybody is back from leaving and coming", |counts| {
            counts.following == everything
        })?;
        spinner.finish_and_clear();
        Ok(())
    }

    /// Spreads the leaving and coming evenly over the crowds.
    fn churn(&self, crew: &mut Crew, per_second: u32) -> anyhow::Result<()> {
        let crowds = crew.crowds() as u32;
        crew.order(&Order::Churn {
            per_second: per_second.div_ceil(crowds),
        })
    }
}

/// MiB that the machine has less than before; others on it may have given some back.
fn taken_since(before: u64) -> anyhow::Result<f64> {
    Ok((before as f64 - available()? as f64) / MIB)
}

fn available() -> anyhow::Result<u64> {
    let memory = procfs::Meminfo::current()?;
    memory
        .mem_available
        .context("the kernel does not tell the available memory")
}

impl FleetReport {
    /// The report as rows of a table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let apart =
            |all: u64, quiet: u64| format!("{all}, {quiet} of them in life before the kill");
        let seconds = |time: Option<f64>| time.map_or("-".into(), |time| format!("{time:.1} s"));
        vec![
            (
                "users on servers",
                format!("{} on {}", self.users, self.servers),
            ),
            ("all connected", format!("{:.1} s", self.connected_seconds)),
            (
                "one price to all",
                format!("{:.2} s", self.one_price_seconds),
            ),
            (
                "memory of all servers",
                format!("{:.0} MiB", self.servers_mib),
            ),
            (
                "memory of the machine",
                format!("{:.0} MiB", self.machine_mib),
            ),
            (
                "three of 500 stocks each, after",
                format!("{:.1} s", self.moved_seconds),
            ),
            (
                "life",
                format!(
                    "{:.0} s, {} prices, {:.0} deliveries a second, {} missed as told",
                    self.life.seconds,
                    self.life.published,
                    self.life.deliveries_a_second,
                    self.life.missed
                ),
            ),
            (
                "latency in it",
                self.life.latency_ms.map_or("-".into(), |times| {
                    format!(
                        "p50 {:.0}, p99 {:.0}, at most {:.0} ms",
                        times.p50, times.p99, times.max
                    )
                }),
            ),
            (
                "memory after it",
                format!(
                    "{:.0} MiB servers, {:.0} MiB machine",
                    self.life.servers_mib, self.life.machine_mib
                ),
            ),
            (
                "a server killed: its users elsewhere after",
                seconds(self.users_back_seconds),
            ),
            (
                "the server restarted: its users home after",
                match self.not_home {
                    0 => seconds(self.server_back_seconds),
                    others => {
                        let home = seconds(self.server_back_seconds);
                        format!("{home}, {others} of them elsewhere again")
                    }
                },
            ),
            (
                "without the newest price in the end",
                self.without_newest.to_string(),
            ),
            ("lost", self.lost.to_string()),
            ("doubled", self.doubled.to_string()),
            ("missed, told wrongly", self.miscounted.to_string()),
            (
                "told stale",
                apart(self.told_stale, self.life.quiet.told_stale),
            ),
            (
                "missed while stale",
                apart(self.missed_while_stale, self.life.quiet.missed_while_stale),
            ),
        ]
    }
}
