//! `feed-load compare`: our server beside the physical limit, in one run and one table.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::child;
use crate::crew::{Crew, Plan, Stop};
use crate::flood::{self, Flood};
use crate::laps::{self, Laps, Track};
use crate::machine::{Callers, Machine, Need};
use crate::market::{Market, Road};
use crate::picks::Picks;
use crate::redis_server::{RedisServer, free_address};
use crate::server::{Server, find_stock_feed};
use crate::stocks::Stocks;
use crate::users::connect;

/// How many prices a burst has.
const BURST: usize = 20;
/// Both servers run at the same time and take turns, so many for each figure: whatever else the
/// machine does then falls on both alike.
const TURNS: usize = 5;
/// How many users each of many stocks has.
const FEW: usize = 15;

/// `feed-load compare`.
#[derive(Clone, Debug, Args)]
pub struct Compare {
    /// How many users each server has. Fewer are quicker, and noisier.
    #[arg(long, default_value_t = 15_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(15..=19_000))]
    pub users: usize,
    /// How often server and bare loop run in turn; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    pub runs: u8,
    /// How long prices pour in ten times faster than the machine can relay them; 0s leaves the
    /// flood out.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub flood: Duration,
    /// The stock-feed program, if it is not beside this one.
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Ours beside the limit.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Users of each server.
    pub users: usize,
    /// Pairs of runs.
    pub runs: u8,
    /// KiB for each idle user with one stock.
    pub kib_one: Pair,
    /// KiB for each idle user with ten stocks.
    pub kib_ten: Pair,
    /// MiB of the server without users.
    pub empty_mib: Pair,
    /// CPU seconds per million deliveries, one price at a time.
    pub single: Pair,
    /// The same, twenty prices in one burst.
    pub burst: Pair,
    /// The same, many stocks of fifteen users.
    pub spread: Pair,
    /// Microseconds of CPU for each connecting user.
    pub connect: Pair,
    /// The flood, unless it was left out.
    pub flood: Option<Flood>,
}

/// One figure of ours, and of the bare loop where it has one.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pair {
    /// Ours, the median of all runs.
    pub ours: f64,
    /// The bare loop's, the median of all runs.
    pub limit: Option<f64>,
    /// Ours by the bare loop's of the same run, the median of all runs.
    pub ratio: Option<f64>,
}

/// The figures of one run of one server.
#[derive(Clone, Copy, Debug)]
struct Figures {
    empty_mib: f64,
    kib_one: f64,
    connect: f64,
    single: f64,
    burst: f64,
    spread: f64,
}

/// Server on one core, everything else on the other.
#[derive(Clone, Copy, Debug)]
struct Cores {
    server: Option<usize>,
    rest: Option<usize>,
}

struct Bench<'a> {
    compare: &'a Compare,
    program: PathBuf,
    cores: Cores,
    stop: &'a Stop,
}

/// A server that runs, and the road to it.
struct Subject {
    server: Server,
    road: Road,
    // Dropped last, so that the server never sees its Redis vanish.
    _redis: Option<RedisServer>,
}

/// A server with its users.
struct Side {
    crew: Crew,
    market: Market,
    server: Server,
    // Dropped last, as above.
    _redis: Option<RedisServer>,
    empty_mib: f64,
    kib: f64,
    connect: f64,
}

impl Compare {
    /// Runs our server and the bare loop side by side, in turns.
    ///
    /// # Errors
    /// When the machine is too small, a program is missing, or users get stuck.
    pub fn run(&self, stop: &Stop) -> anyhow::Result<Comparison> {
        let program = find_stock_feed(self.server.clone())?;
        Machine::here()?.check(&Need {
            users: self.users,
            servers: 1,
            one_falls: false,
            callers: Callers::OwnAddresses,
        })?;
        let cores = match child::cores()?.as_slice() {
            [server, rest, ..] => Cores {
                server: Some(*server),
                rest: Some(*rest),
            },
            _ => {
                eprintln!("feed-load: only one core: server and users share it");
                Cores {
                    server: None,
                    rest: None,
                }
            }
        };
        if let Some(core) = cores.rest {
            child::pin(core)?;
        }
        let bench = Bench {
            compare: self,
            program,
            cores,
            stop,
        };
        let (mut ours, mut limit) = (Vec::new(), Vec::new());
        for run in 1..=self.runs {
            eprintln!(
                "run {run} of {}: stock-feed and the bare loop in turn",
                self.runs
            );
            let (figures, limits) = bench.run()?;
            ours.push(figures);
            limit.push(limits);
        }
        let kib_ten = bench.memory_with_ten_stocks()?;
        let flood = if self.flood.is_zero() {
            None
        } else {
            Some(bench.flood()?)
        };
        let pair = |figure: fn(&Figures) -> f64| Pair {
            ours: median(ours.iter().map(figure)),
            limit: Some(median(limit.iter().map(figure))),
            ratio: Some(median(
                ours.iter()
                    .zip(&limit)
                    .map(|(ours, limit)| figure(ours) / figure(limit)),
            )),
        };
        let alone = |ours: f64| Pair {
            ours,
            limit: None,
            ratio: None,
        };
        Ok(Comparison {
            users: self.users,
            runs: self.runs,
            kib_one: alone(median(ours.iter().map(|figures| figures.kib_one))),
            kib_ten: alone(kib_ten),
            empty_mib: alone(median(ours.iter().map(|figures| figures.empty_mib))),
            single: pair(|figures| figures.single),
            burst: pair(|figures| figures.burst),
            spread: pair(|figures| figures.spread),
            connect: pair(|figures| figures.connect),
            flood,
        })
    }
}

impl Bench<'_> {
    fn stock_feed(&self) -> anyhow::Result<Subject> {
        let redis = RedisServer::start(self.cores.rest, self.stop)?;
        let address = free_address(std::net::Ipv4Addr::LOCALHOST)?;
        let server = Server::stock_feed(
            &self.program,
            address,
            redis.url(),
            self.cores.server,
            self.stop,
        )?;
        Ok(Subject {
            server,
            road: Road::to_redis(redis.url(), "")?,
            _redis: Some(redis),
        })
    }

    fn bare_loop(&self) -> anyhow::Result<Subject> {
        let (server, road) = Server::bare_loop(self.cores.server)?;
        Ok(Subject {
            server,
            road,
            _redis: None,
        })
    }

    /// Laps that make half a million deliveries or so, but neither very few nor very many.
    fn laps(&self) -> usize {
        (600_000 / self.compare.users).clamp(20, 60)
    }

    /// Users who follow these stocks on this server, and what that took.
    fn fill(&self, subject: Subject, stocks: &Stocks, each: u16) -> anyhow::Result<Side> {
        let meter = subject.server.meter;
        let (memory, cpu) = (subject.server.settled_memory(self.stop)?, meter.cpu()?);
        let plan = Plan {
            servers: vec![subject.server.address],
            path: "/ws".into(),
            users: self.compare.users,
            stocks: stocks.0.clone(),
            picks: Picks::Dealt {
                each,
                from: 0,
                of: stocks.0.len() as u16,
            },
            core: self.cores.rest,
        };
        let mut crew = Crew::gather(&plan, self.stop)?;
        connect(&mut crew, self.compare.users, each)?;
        let (users, connected) = (self.compare.users as f64, meter.cpu()? - cpu);
        let grown = subject
            .server
            .settled_memory(self.stop)?
            .saturating_sub(memory);
        let mut market = Market::new(stocks.0.clone(), subject.road);
        laps::open(&mut crew, &mut market, 1)?;
        Ok(Side {
            crew,
            market,
            server: subject.server,
            _redis: subject._redis,
            empty_mib: memory as f64 / f64::from(1 << 20),
            kib: grown as f64 / 1024.0 / users,
            connect: connected.as_secs_f64() * 1e6 / users,
        })
    }

    /// All figures of our server and of the bare loop, once.
    fn run(&self) -> anyhow::Result<(Figures, Figures)> {
        let users = self.compare.users;
        let one = Stocks::made_up(1);
        let mut ours = self.fill(self.stock_feed()?, &one, 1)?;
        let mut limit = self.fill(self.bare_loop()?, &one, 1)?;
        let race =
            |what: &str, count: usize, stocks: &[usize], expected: usize, sides: [&mut Side; 2]| {
                let [ours, limit] = sides;
                let (mut one, mut other) = (Laps::default(), Laps::default());
                for _ in 0..TURNS {
                    one +=
                        ours.track()
                            .run(what, count.div_ceil(TURNS), stocks, expected as u64)?;
                    other +=
                        limit
                            .track()
                            .run(what, count.div_ceil(TURNS), stocks, expected as u64)?;
                }
                anyhow::Ok((one.cpu_per_million(), other.cpu_per_million()))
            };
        let single = race(
            "one price at a time",
            self.laps(),
            &[0],
            users,
            [&mut ours, &mut limit],
        )?;
        let burst = race(
            "twenty prices in a burst",
            self.laps() / 2,
            &[0; BURST],
            users * BURST,
            [&mut ours, &mut limit],
        )?;
        let first = [&ours, &limit].map(|side| (side.empty_mib, side.kib, side.connect));
        drop((ours, limit));

        let many = Stocks::made_up((users / FEW).min(1_000) as u16);
        let all: Vec<usize> = (0..many.0.len()).collect();
        let mut ours = self.fill(self.stock_feed()?, &many, 1)?;
        let mut limit = self.fill(self.bare_loop()?, &many, 1)?;
        let spread = race(
            "many stocks, few users each",
            self.laps(),
            &all,
            users,
            [&mut ours, &mut limit],
        )?;
        let figures = |first: (f64, f64, f64), single, burst, spread| Figures {
            empty_mib: first.0,
            kib_one: first.1,
            connect: first.2,
            single,
            burst,
            spread,
        };
        Ok((
            figures(first[0], single.0, burst.0, spread.0),
            figures(first[1], single.1, burst.1, spread.1),
        ))
    }

    fn memory_with_ten_stocks(&self) -> anyhow::Result<f64> {
        Ok(self
            .fill(self.stock_feed()?, &Stocks::made_up(1_000), 10)?
            .kib)
    }

    fn flood(&self) -> anyhow::Result<Flood> {
        let users = self.compare.users;
        let mut side = self.fill(self.stock_feed()?, &Stocks::made_up(1), 1)?;
        let mut track = side.track();
        let relayed = track.run(
            "how fast can it relay?",
            5,
            &[0; BURST],
            (users * BURST) as u64,
        )?;
        let rate = relayed.pace() / users as f64;
        flood::run(&mut track, users, rate, self.compare.flood)
    }
}

impl Side {
    fn track(&mut self) -> Track<'_> {
        Track {
            crew: &mut self.crew,
            market: &mut self.market,
            meter: self.server.meter,
        }
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
