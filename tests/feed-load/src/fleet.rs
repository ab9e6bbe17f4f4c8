//! `feed-load fleet`: many servers behind one Redis or a cluster, a million users, and one server lost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::assignment::Assignment;
use crate::counts::Counts;
use crate::failover::Failover;
use crate::latency::Percentiles;
use crate::machine::{self, Callers, Machine, Need};
use crate::planned::Planned;
use crate::progress;
use crate::protocol::WorkerCommand;
use crate::publisher::Publisher;
use crate::redises::Redises;
use crate::rounds;
use crate::server::find_stock_feed;
use crate::servers::Servers;
use crate::stocks::Stocks;
use crate::stop::Stop;
use crate::worker_pool::{Plan, WorkerPool};

/// Stocks of the market in the minute of life, besides the one that every user follows at first.
pub(crate) const STOCKS: u16 = 500;
/// How many of them each user follows.
pub(crate) const EACH: u16 = 3;
/// How long prices are gathered before they are published together.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// `feed-load fleet`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Fleet {
    /// How many servers, each a process of its own.
    #[arg(long, default_value_t = 2, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(crate) servers: usize,
    /// How many users on all servers together.
    #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=4_000_000))]
    pub(crate) users: usize,
    /// Share prices over a Redis Cluster of so many masters, each with a replica, instead of one Redis.
    #[arg(long, value_name = "MASTERS", value_parser = RangedU64ValueParser::<usize>::new().range(3..=32))]
    pub(crate) cluster: Option<usize>,
    /// How long the life lasts in which users follow three of 500 stocks each, leave and come.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) life: Duration,
    /// Prices that should arrive each second of it, over all users.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) deliveries: u32,
    /// Users who leave and come again each second of it.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) churn: u32,
    /// The same seed gives every user the same stocks.
    #[arg(long, default_value_t = 13)]
    pub(crate) seed: u64,
    /// The stock-feed program, if it is not beside this one.
    #[arg(long, value_name = "PATH")]
    pub(crate) server: Option<PathBuf>,
    /// Only say what the machine would need, and whether it has it.
    #[arg(long)]
    pub(crate) check: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a fleet did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FleetReport {
    pub(crate) servers: usize,
    /// Redis processes: one, or the nodes of the cluster.
    pub(crate) redises: usize,
    pub(crate) users: usize,
    /// Until every user was connected and followed a stock.
    pub(crate) connected_seconds: f64,
    /// Until one price had reached every user.
    pub(crate) one_price_seconds: f64,
    /// Memory of all servers with every user connected, in MiB.
    pub(crate) servers_mib: f64,
    /// What the machine had less than before, clients and kernel included, in MiB.
    pub(crate) machine_mib: f64,
    /// Until every user had moved to three stocks of the market.
    pub(crate) moved_seconds: f64,
    pub(crate) life: Life,
    /// What the model of `feed-load plan` says for the life before the kill, beside what was measured.
    pub(crate) plan: Planned,
    /// From the death of a server until all its users were back elsewhere.
    pub(crate) users_back_seconds: Option<f64>,
    /// From its restart, or from the moment when all of them were elsewhere if that came later,
    /// until no user was on the way home any more.
    pub(crate) server_back_seconds: Option<f64>,
    /// Users who were refused at home.
    pub(crate) not_home: u64,
    /// Subscriptions without the newest price after each stock was published again.
    pub(crate) without_newest: u64,
    /// Everything the users saw, from start to end.
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// What happened while users lived.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Life {
    pub(crate) seconds: f64,
    pub(crate) published: u64,
    pub(crate) deliveries: u64,
    pub(crate) deliveries_a_second: f64,
    pub(crate) missed: u64,
    /// The part of it before a server failed, when nothing excuses a stale price, and when every process that
    /// is measured runs from start to end.
    pub(crate) quiet: Quiet,
    /// Connections that a server ended: those of the server that failed, and of slow users.
    pub(crate) ended: u64,
    /// From publication to arrival, in milliseconds, the failure included.
    pub(crate) latency_ms: Option<Percentiles>,
    /// Memory of all servers after it, when no user is on the way any more, in MiB.
    pub(crate) servers_mib: f64,
    /// Memory of all Redis processes then, in MiB, without the program's text.
    pub(crate) redises_mib: f64,
    /// What the machine had less than before, in MiB.
    pub(crate) machine_mib: f64,
}

/// What life was like before a server failed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Quiet {
    pub(crate) seconds: f64,
    pub(crate) published: u64,
    /// How many servers received the prices, summed over the prices.
    pub(crate) received: u64,
    /// To users.
    pub(crate) deliveries: u64,
    /// CPU time of all servers.
    pub(crate) servers_cpu_seconds: f64,
    /// The same for a million deliveries.
    pub(crate) servers_cpu_seconds_a_million: f64,
    /// CPU time of all Redis processes.
    pub(crate) redises_cpu_seconds: f64,
    /// The same for a price, in microseconds.
    pub(crate) redises_cpu_micros_a_price: f64,
    pub(crate) stale_notices: u64,
    pub(crate) missed_while_stale: u64,
}

/// What was counted and spent up to a moment.
struct Reading {
    at: Instant,
    counts: Counts,
    published: usize,
    received: u64,
    servers_cpu: Duration,
    redises_cpu: Duration,
}

/// A fleet that runs, with its users and its prices.
struct Running<'a> {
    fleet: &'a Fleet,
    // In this order they end: users, servers, and the Redises last.
    pool: WorkerPool,
    servers: Servers,
    publisher: Publisher,
    redises: Redises,
    /// The machine's available memory before, in bytes.
    available: u64,
}

impl Fleet {
    /// Says what the machine needs, and fails if it lacks something.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let need = Need {
            users: self.users,
            servers: self.servers,
            redises: Redises::count(self.cluster),
            one_fails: true,
            callers: Callers::OwnAddresses,
        };
        Machine::here()?.check(&need)?;
        eprintln!("feed-load: {need}; this machine has that");
        Ok(())
    }

    /// Runs the whole story.
    pub(crate) fn run(&self, stop: &Stop) -> anyhow::Result<FleetReport> {
        self.check()?;
        let program = find_stock_feed(self.server.clone())?;
        let available = machine::available_memory()?;
        let redises = Redises::start(self.cluster, stop)?;
        let servers = Servers::start(self.servers, &program, redises.url(), stop)?;
        let mut stocks = vec!["ALL".to_owned()];
        stocks.extend(Stocks::made_up(STOCKS).0);
        let plan = Plan {
            servers: servers.addresses(),
            path: "/ws".into(),
            users: self.users,
            stocks: stocks.clone(),
            assignment: Assignment::even(1, 0, 1),
            core: None,
            gather: false,
        };
        let mut running = Running {
            fleet: self,
            pool: WorkerPool::start(&plan, stop)?,
            servers,
            publisher: Publisher::new(stocks, redises.transport()?),
            redises,
            available,
        };
        let users = self.users as u64;
        let following = |counts: &Counts| counts.following;
        let connected = running.pool.wait_for("users connect", users, following)?;
        let one_price = running.one_price_to_all()?;
        let (servers_mib, machine_mib) = running.mib()?;
        let moved = running.move_to_the_market()?;
        let mut failover = Failover::of_one_among(self.servers);
        let life = running.live(&mut failover)?;
        let without_newest = running.without_newest()?;
        let plan = Planned::of(self, &life);
        Ok(FleetReport {
            servers: self.servers,
            redises: running.redises.nodes().len(),
            users: self.users,
            connected_seconds: connected.as_secs_f64(),
            one_price_seconds: one_price.as_secs_f64(),
            servers_mib,
            machine_mib,
            moved_seconds: moved.as_secs_f64(),
            life,
            plan,
            users_back_seconds: failover.users_back.map(|time| time.as_secs_f64()),
            server_back_seconds: failover.server_back.map(|time| time.as_secs_f64()),
            not_home: failover.not_home,
            without_newest,
            counts: running.pool.counts(),
        })
    }

    fn assignment(&self) -> Assignment {
        Assignment::zipf(EACH, 1, STOCKS, self.seed)
    }

    /// About how many users each stock has, from a sample of them.
    fn followers(&self) -> Vec<f64> {
        let (assignment, sample) = (self.assignment(), self.users.min(20_000));
        let mut followers = vec![0.0; usize::from(STOCKS) + 1];
        for stock in (0..sample).flat_map(|user| assignment.of(user)) {
            followers[usize::from(stock)] += self.users as f64 / sample as f64;
        }
        followers
    }
}

impl Running<'_> {
    fn one_price_to_all(&mut self) -> anyhow::Result<Duration> {
        let (pool, users) = (&mut self.pool, self.fleet.users as u64);
        rounds::wait_for_listeners(pool, &mut self.publisher, 0, self.fleet.servers)?;
        rounds::start_from_zero(pool)?;
        let before = pool.counts().accounted();
        self.publisher.publish([0])?;
        let progress = |counts: &Counts| (counts.accounted() - before).min(users);
        pool.wait_for("one price to all", users, progress)
    }

    fn move_to_the_market(&mut self) -> anyhow::Result<Duration> {
        let follow = WorkerCommand::Follow(self.fleet.assignment());
        self.pool.command(&follow)?;
        let (what, goal) = ("users move to the market", self.subscriptions());
        self.pool.wait_for(what, goal, |counts| counts.following)
    }

    /// How many subscriptions all users have on the market.
    fn subscriptions(&self) -> u64 {
        self.fleet.users as u64 * u64::from(EACH)
    }

    /// Publishes as many prices as make the deliveries wished for, while users leave and come, and
    /// a server fails. A stock that many follow is followed by a longer pause.
    fn live(&mut self, failover: &mut Failover) -> anyhow::Result<Life> {
        let (fleet, followers) = (self.fleet, self.fleet.followers());
        let mut rng = StdRng::seed_from_u64(fleet.seed);
        let mut stocks: Vec<usize> = (1..=usize::from(STOCKS)).collect();
        rounds::wait_until_calm(&mut self.pool, &mut self.publisher)?;
        rounds::start_from_zero(&mut self.pool)?;
        self.pool.latencies()?;
        self.pool.churn(fleet.churn)?;
        let bar = progress::bar("life (seconds)", fleet.life.as_secs().max(1));
        let (before, mut at_the_kill) = (self.read(0)?, None);
        let start = before.at;
        let (mut published, mut deliveries) = (0, 0.0);
        while start.elapsed() < fleet.life {
            let due = start.elapsed().as_secs_f64() * f64::from(fleet.deliveries);
            let mut batch = Vec::new();
            while deliveries < due {
                // Every stock once, in a random order, and then again.
                let turn = published % stocks.len();
                if turn == 0 {
                    stocks.shuffle(&mut rng);
                }
                batch.push(stocks[turn]);
                deliveries += followers[stocks[turn]].max(1.0);
                published += 1;
            }
            self.publisher.publish(batch)?;
            let lived = start.elapsed().as_secs_f64() / fleet.life.as_secs_f64();
            if failover.kills_now(lived) {
                at_the_kill = Some(self.read(published)?);
            }
            failover.advance(&mut self.pool, &mut self.servers, lived, &bar)?;
            self.pool.pass(PACE)?;
            bar.set_position(start.elapsed().as_secs());
        }
        let seconds = start.elapsed().as_secs_f64();
        self.pool.churn(0)?;
        bar.finish_and_clear();
        let lived = self.pool.counts() - before.counts;
        let quiet = match at_the_kill {
            Some(reading) => reading.since(&before),
            None => self.read(published)?.since(&before),
        };
        let latency_ms = self.pool.latencies()?.all.percentiles();
        self.come_to_rest(failover)?;
        let (servers_mib, machine_mib) = self.mib()?;
        Ok(Life {
            seconds,
            published: published as u64,
            deliveries: lived.deliveries,
            deliveries_a_second: lived.deliveries as f64 / seconds,
            missed: lived.missed,
            quiet,
            ended: lived.ended,
            latency_ms,
            servers_mib,
            redises_mib: mib(self.redises.memory()?),
            machine_mib,
        })
    }

    fn read(&self, published: usize) -> anyhow::Result<Reading> {
        Ok(Reading {
            at: Instant::now(),
            counts: self.pool.counts(),
            published,
            received: self.publisher.received(),
            servers_cpu: self.servers.cpu()?,
            redises_cpu: self.redises.cpu()?,
        })
    }

    /// Waits for what life was too short for: a failed server's users, and those who just left.
    fn come_to_rest(&mut self, failover: &mut Failover) -> anyhow::Result<()> {
        let everything = self.subscriptions();
        let spinner = progress::spinner("life is over: users come to rest");
        failover.finish(&mut self.pool, &mut self.servers, &spinner)?;
        let what = "users are back from leaving and coming";
        self.pool
            .wait(what, |counts| counts.following == everything)?;
        spinner.finish_and_clear();
        Ok(())
    }

    /// Publishes every stock of the market once more, and returns how many subscriptions do not get it.
    fn without_newest(&mut self) -> anyhow::Result<u64> {
        rounds::wait_until_calm(&mut self.pool, &mut self.publisher)?;
        self.publisher.publish(1..=usize::from(STOCKS))?;
        let mut newest = self.publisher.newest().to_vec();
        newest[0] = 0;
        self.pool.catch_up(&newest, Duration::from_secs(120))
    }

    /// MiB of all servers, and what the machine has less than before; others on it may have given some
    /// back.
    fn mib(&self) -> anyhow::Result<(f64, f64)> {
        let taken = self.available as f64 - machine::available_memory()? as f64;
        Ok((mib(self.servers.memory()?), taken / f64::from(1 << 20)))
    }
}

impl Reading {
    /// What happened since `earlier`.
    fn since(&self, earlier: &Self) -> Quiet {
        let counts = self.counts - earlier.counts;
        let published = (self.published - earlier.published) as u64;
        let servers_cpu = self.servers_cpu.saturating_sub(earlier.servers_cpu);
        let redises_cpu = self.redises_cpu.saturating_sub(earlier.redises_cpu);
        Quiet {
            seconds: (self.at - earlier.at).as_secs_f64(),
            published,
            received: self.received - earlier.received,
            deliveries: counts.deliveries,
            servers_cpu_seconds: servers_cpu.as_secs_f64(),
            servers_cpu_seconds_a_million: rounds::per_million(servers_cpu, counts.deliveries),
            redises_cpu_seconds: redises_cpu.as_secs_f64(),
            // Microseconds for one are seconds for a million.
            redises_cpu_micros_a_price: rounds::per_million(redises_cpu, published),
            stale_notices: counts.stale_notices,
            missed_while_stale: counts.missed_while_stale,
        }
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
