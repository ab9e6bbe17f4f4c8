//! `feed-load compare`: our server beside the physical limit, in one run and one table.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use crate::assignment::Assignment;
use crate::child;
use crate::flood::{self, Flood};
use crate::machine::{Callers, Machine, Need};
use crate::publisher::{Publisher, Transport};
use crate::redis_server::{RedisServer, free_address};
use crate::rounds::{self, Rounds, Subject};
use crate::server::{Server, find_stock_feed};
use crate::stocks::Stocks;
use crate::stop::Stop;
use crate::worker_pool::{Plan, WorkerPool};

/// How many prices a burst has.
const BURST: usize = 20;
/// Both servers run at the same time and take turns, so many for each figure: whatever else the
/// machine does then slows both alike.
const TURNS: usize = 5;
/// How many users each of many stocks has.
const FEW: usize = 15;

/// `feed-load compare`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Compare {
    /// How many users each server has. Fewer are quicker, and noisier.
    #[arg(long, default_value_t = 15_000, value_parser = RangedU64ValueParser::<usize>::new().range(15..=19_000))]
    users: usize,
    /// How often server and bare loop run in turn; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    runs: u8,
    /// How long prices are published ten times faster than the machine can deliver them; 0s leaves the
    /// flood out.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = humantime::parse_duration)]
    flood: Duration,
    /// The stock-feed program, if it is not beside this one.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Ours beside the limit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    /// Users of each server.
    pub(crate) users: usize,
    pub(crate) runs: u8,
    /// KiB for each idle user with one stock.
    pub(crate) kib_one: Pair,
    /// KiB for each idle user with ten stocks.
    pub(crate) kib_ten: Pair,
    /// MiB of the server without users.
    pub(crate) empty_mib: Pair,
    /// CPU seconds per million deliveries, one price at a time.
    pub(crate) single: Pair,
    /// The same, twenty prices in one burst.
    pub(crate) burst: Pair,
    /// The same, many stocks of fifteen users.
    pub(crate) spread: Pair,
    /// Microseconds of CPU for each connecting user.
    pub(crate) connect: Pair,
    pub(crate) flood: Option<Flood>,
}

/// One figure, the median of all runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) ours: f64,
    /// The same figure of the bare loop.
    pub(crate) limit: Option<f64>,
    /// Ours by the bare loop's of the same run.
    pub(crate) ratio: Option<f64>,
}

/// The figures of one run of one server.
#[derive(Clone, Copy, Debug)]
struct Figures {
    idle: Idle,
    single: f64,
    burst: f64,
    spread: f64,
}

/// What a server costs before the first price.
#[derive(Clone, Copy, Debug)]
struct Idle {
    empty_mib: f64,
    /// KiB a user.
    kib: f64,
    /// CPU microseconds a user.
    connect: f64,
}

struct Bench<'a> {
    compare: &'a Compare,
    program: PathBuf,
    server_core: Option<usize>,
    /// Of users, Redis and publisher.
    other_core: Option<usize>,
    stop: &'a Stop,
}

/// A server with its users.
struct Side {
    pool: WorkerPool,
    publisher: Publisher,
    server: Server,
    // Dropped last, so that the server never sees its Redis vanish.
    _redis: Option<RedisServer>,
    idle: Idle,
}

impl Compare {
    /// Runs our server and the bare loop side by side, in turns. It is long because it is the protocol of the
    /// measurement, in order.
    pub(crate) fn run(&self, stop: &Stop) -> anyhow::Result<Comparison> {
        let program = find_stock_feed(self.server.clone())?;
        Machine::here()?.check(&Need {
            users: self.users,
            servers: 1,
            redises: 1,
            one_fails: false,
            callers: Callers::OwnAddresses,
        })?;
        let (server_core, other_core) = match child::cores()?.as_slice() {
            [server, other, ..] => (Some(*server), Some(*other)),
            _ => {
                eprintln!("feed-load: only one core: server and users share it");
                (None, None)
            }
        };
        if let Some(core) = other_core {
            child::pin(core)?;
        }
        let bench = Bench {
            compare: self,
            program,
            server_core,
            other_core,
            stop,
        };
        let (mut ours, mut limit) = (Vec::new(), Vec::new());
        for run in 1..=self.runs {
            eprintln!(
                "run {run} of {}: stock-feed and the bare loop in turn",
                self.runs
            );
            let [figures, limits] = bench.run()?;
            ours.push(figures);
            limit.push(limits);
        }
        let kib_ten = bench.fill_stock_feed(&Stocks::made_up(1_000), 10)?.idle.kib;
        let flood = (!self.flood.is_zero()).then(|| bench.flood()).transpose()?;
        let alone = |figure: fn(&Figures) -> f64| Pair {
            ours: median(ours.iter().map(figure)),
            limit: None,
            ratio: None,
        };
        let pair = |figure: fn(&Figures) -> f64| {
            let ratios = ours
                .iter()
                .zip(&limit)
                .map(|(ours, limit)| figure(ours) / figure(limit));
            Pair {
                limit: Some(median(limit.iter().map(figure))),
                ratio: Some(median(ratios)),
                ..alone(figure)
            }
        };
        Ok(Comparison {
            users: self.users,
            runs: self.runs,
            kib_one: alone(|figures| figures.idle.kib),
            kib_ten: Pair {
                ours: kib_ten,
                limit: None,
                ratio: None,
            },
            empty_mib: alone(|figures| figures.idle.empty_mib),
            single: pair(|figures| figures.single),
            burst: pair(|figures| figures.burst),
            spread: pair(|figures| figures.spread),
            connect: pair(|figures| figures.idle.connect),
            flood,
        })
    }
}

impl Bench<'_> {
    fn fill_stock_feed(&self, stocks: &Stocks, each: u16) -> anyhow::Result<Side> {
        let redis = RedisServer::start(self.other_core, self.stop)?;
        let address = free_address(Ipv4Addr::LOCALHOST)?;
        let core = self.server_core;
        let mut server = Server::stock_feed(&self.program, address, &redis.url(), core)?;
        server.wait_until_healthy(self.stop)?;
        let transport = Transport::to_redis(&redis.url(), "")?;
        self.fill(server, transport, Some(redis), stocks, each)
    }

    fn fill_bare_loop(&self, stocks: &Stocks) -> anyhow::Result<Side> {
        let (server, transport) = Server::bare_loop(self.server_core)?;
        self.fill(server, transport, None, stocks, 1)
    }

    /// Connects users and subscribes them to these stocks on this server, and measures what that took. The
    /// parameters are the parts in which our server and the bare loop differ.
    fn fill(
        &self,
        server: Server,
        transport: Transport,
        redis: Option<RedisServer>,
        stocks: &Stocks,
        each: u16,
    ) -> anyhow::Result<Side> {
        let users = self.compare.users;
        let (memory, cpu) = (server.settled_memory(self.stop)?, server.meter.cpu()?);
        let plan = Plan {
            servers: vec![server.address],
            path: "/ws".into(),
            users,
            stocks: stocks.0.clone(),
            assignment: Assignment::even(each, 0, stocks.0.len() as u16),
            core: self.other_core,
            gather: false,
        };
        let mut pool = WorkerPool::start(&plan, self.stop)?;
        let follows = users as u64 * u64::from(each);
        pool.wait_for("users connect", follows, |counts| counts.following)?;
        let connected = server.meter.cpu()? - cpu;
        let grown = server.settled_memory(self.stop)?.saturating_sub(memory);
        let mut publisher = Publisher::new(plan.stocks, transport);
        rounds::open(&mut pool, &mut publisher, 1)?;
        let idle = Idle {
            empty_mib: memory as f64 / f64::from(1 << 20),
            kib: grown as f64 / 1024.0 / users as f64,
            connect: connected.as_secs_f64() * 1e6 / users as f64,
        };
        Ok(Side {
            pool,
            publisher,
            server,
            _redis: redis,
            idle,
        })
    }

    /// All figures of our server and of the bare loop, once.
    fn run(&self) -> anyhow::Result<[Figures; 2]> {
        let users = self.compare.users;
        // Rounds that make half a million deliveries or so, but neither very few nor very many.
        let rounds = (600_000 / users).clamp(20, 60);
        let one = Stocks::made_up(1);
        let mut sides = [self.fill_stock_feed(&one, 1)?, self.fill_bare_loop(&one)?];
        let single = take_turns(&mut sides, "one price at a time", rounds, &[0], users)?;
        let what = "twenty prices in a burst";
        let burst = take_turns(&mut sides, what, rounds / 2, &[0; BURST], users * BURST)?;
        let idle = sides.each_ref().map(|side| side.idle);
        drop(sides);

        let many = Stocks::made_up((users / FEW).min(1_000) as u16);
        let all: Vec<usize> = (0..many.0.len()).collect();
        let mut sides = [self.fill_stock_feed(&many, 1)?, self.fill_bare_loop(&many)?];
        let spread = take_turns(
            &mut sides,
            "many stocks, few users each",
            rounds,
            &all,
            users,
        )?;
        Ok([0, 1].map(|side| Figures {
            idle: idle[side],
            single: single[side],
            burst: burst[side],
            spread: spread[side],
        }))
    }

    fn flood(&self) -> anyhow::Result<Flood> {
        let users = self.compare.users;
        let mut side = self.fill_stock_feed(&Stocks::made_up(1), 1)?;
        let mut subject = side.subject();
        let expected = (users * BURST) as u64;
        let warm = subject.run("how fast can it deliver?", 5, &[0; BURST], expected)?;
        let rate = warm.deliveries_a_second() / users as f64;
        flood::run(&mut subject, users, rate, self.compare.flood)
    }
}

/// Runs rounds of each side in turn; CPU seconds a million deliveries of each.
fn take_turns(
    sides: &mut [Side; 2],
    what: &str,
    count: usize,
    stocks: &[usize],
    expected: usize,
) -> anyhow::Result<[f64; 2]> {
    let mut sums = [Rounds::default(); 2];
    for _ in 0..TURNS {
        for (side, sum) in sides.iter_mut().zip(&mut sums) {
            let count = count.div_ceil(TURNS);
            *sum += side.subject().run(what, count, stocks, expected as u64)?;
        }
    }
    Ok(sums.map(|sum| sum.cpu_per_million()))
}

impl Side {
    fn subject(&mut self) -> Subject<'_> {
        Subject {
            pool: &mut self.pool,
            publisher: &mut self.publisher,
            meter: self.server.meter,
        }
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
