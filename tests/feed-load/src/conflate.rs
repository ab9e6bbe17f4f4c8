//! `feed-load conflate`: the same prices and users with a pace and without one.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use crate::assignment::Assignment;
use crate::child;
use crate::counts::Counts;
use crate::latency::{Distribution, Percentiles};
use crate::machine::{Callers, Machine, Need};
use crate::meter::Meter;
use crate::progress;
use crate::protocol::{Pace, Pacing};
use crate::publisher::Publisher;
use crate::redises::Redises;
use crate::rounds::{self, per_million};
use crate::schedule::Schedule;
use crate::server::find_stock_feed;
use crate::servers::Servers;
use crate::stamp;
use crate::stocks::Stocks;
use crate::stop::Stop;
use crate::worker_pool::{Plan, WorkerPool};

/// What a server accepts as a pace.
const PACES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
/// How old the newest price of a user may get besides the pace.
const BESIDES_THE_PACE: Duration = Duration::from_millis(500);
/// Prices of a stock in a pace, if no other number is asked for: more than one, so that each group has a new
/// price of each stock even if the one before it came a little late.
const CHANGES_A_PACE: f64 = 1.25;
/// How long prices gather before they are published together.
const GATHER: Duration = Duration::from_millis(10);
/// How long users may take to get the newest prices when no more are published.
const CATCH_UP: Duration = Duration::from_secs(30);
/// Prices a second that arrive are those of the goal if at most this part of them is missing: the window of
/// the measurement does not begin and end with an interval.
const TOLERANCE: f64 = 0.005;

/// `feed-load conflate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Conflate {
    /// How many servers, each a process of its own.
    #[arg(long, default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    servers: usize,
    /// How many users on all servers together.
    #[arg(long, default_value_t = 50_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=4_000_000))]
    users: usize,
    /// How many stocks there are.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    stocks: u16,
    /// How many of them each user is subscribed to.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    each: u16,
    /// New prices of each stock a second [default: 1.25 in the time of a pace].
    #[arg(long, value_name = "NUMBER", value_parser = changes)]
    changes: Option<f64>,
    /// The time in which a user is sent one group of prices at most.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = pace)]
    pace: Duration,
    /// How long prices are measured, with a pace and then without one; at least three times the pace.
    #[arg(long, default_value = "15s", value_name = "TIME", value_parser = humantime::parse_duration)]
    length: Duration,
    /// The same seed publishes the stocks in the same order.
    #[arg(long, default_value_t = 13)]
    seed: u64,
    /// The stock-feed program, if it is not beside this one.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Only say what the machine would need, and whether it has it.
    #[arg(long)]
    pub(crate) check: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The same prices with a pace and without one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Conflation {
    pub(crate) servers: usize,
    pub(crate) users: usize,
    pub(crate) stocks: u16,
    pub(crate) stocks_a_user: u16,
    pub(crate) changes_a_second: f64,
    pub(crate) pace_ms: f64,
    /// Cores that all processes share.
    pub(crate) cores: usize,
    pub(crate) goals: Goals,
    pub(crate) with_a_pace: Figures,
    pub(crate) without_a_pace: Figures,
    /// Goals that were not reached with a pace, in words.
    pub(crate) unmet: Vec<String>,
}

/// What users with a pace are promised.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Goals {
    /// Prices that arrive: one of each stock of each user in each pace.
    pub(crate) deliveries_a_second: f64,
    /// The highest age in milliseconds.
    pub(crate) age_ms: f64,
}

/// What was measured with a pace, or without one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// Until all users were connected and subscribed.
    pub(crate) connected_seconds: f64,
    /// Of the measurement; the figures a second and the CPU time are those of this time.
    pub(crate) seconds: f64,
    pub(crate) deliveries_a_second: f64,
    /// Reads with prices, which are the writes of a server that keeps its users apart in time.
    pub(crate) groups_a_second: f64,
    pub(crate) missed_a_second: f64,
    pub(crate) cpu: CpuSeconds,
    /// CPU time of all of them as a part of what the cores have.
    pub(crate) cpu_share: f64,
    /// CPU time of the servers for a price that arrived.
    pub(crate) servers_cpu_micros_a_price: f64,
    /// For how long users had been without a newer price when one arrived, until the end of all.
    pub(crate) age_ms: Option<Percentiles>,
    /// Prices in the fullest twentieth of a second of the interval, by those in the mean one.
    pub(crate) ticks_largest_by_mean: f64,
    /// How late prices were published at most, which is part of their age.
    pub(crate) publisher_late_ms: f64,
    /// Groups over one in each interval of a user.
    pub(crate) too_many_groups: u64,
    /// Prices published for all subscriptions.
    pub(crate) published: u64,
    /// Those of them that were neither delivered nor reported as missed; not known if users lost a server,
    /// because what was published while they were away does not count.
    pub(crate) unaccounted: Option<i64>,
    /// Subscriptions without the newest price in the end.
    pub(crate) without_newest: u64,
    /// Everything the users saw, from start to end.
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// CPU time during the measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CpuSeconds {
    pub(crate) servers: f64,
    pub(crate) redis: f64,
    pub(crate) users: f64,
    pub(crate) publisher: f64,
}

/// Servers, users and prices of one half of the comparison.
struct Side<'a> {
    conflate: &'a Conflate,
    // In this order they end: users, servers, and Redis last.
    pool: WorkerPool,
    servers: Servers,
    publisher: Publisher,
    redises: Redises,
    schedule: Schedule,
    /// How late a price was published at most, in microseconds.
    late: u64,
}

/// What was counted and spent up to a moment.
struct Reading {
    at: Instant,
    counts: Counts,
    groups: u64,
    cpu: CpuSeconds,
}

impl Conflate {
    /// What the arguments demand that cannot be.
    pub(crate) fn contradiction(&self) -> Option<String> {
        (self.length < 3 * self.pace).then(|| {
            format!(
                "--length {:?} is too short for --pace {:?}: at least three intervals are measured",
                self.length, self.pace
            )
        })
    }

    /// Says what the machine needs, and fails if it lacks something.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let need = Need {
            users: self.users,
            servers: self.servers,
            redises: 1,
            one_fails: false,
            callers: Callers::OwnAddresses,
        };
        Machine::here()?.check(&need)?;
        eprintln!("feed-load: {need}; this machine has that");
        Ok(())
    }

    /// Measures users with a pace, and then as many without one.
    pub(crate) fn run(&self, stop: &Stop) -> anyhow::Result<Conflation> {
        self.check()?;
        let program = find_stock_feed(self.server.clone())?;
        let path = format!("/ws?pace={}ms", self.pace.as_millis());
        let with_a_pace = self.measure(&program, &path, "with a pace", stop)?;
        let without_a_pace = self.measure(&program, "/ws", "without a pace", stop)?;
        let stocks_a_user = self.each.min(self.stocks);
        let a_pace = self.users as f64 * f64::from(stocks_a_user);
        let goals = Goals {
            deliveries_a_second: a_pace / self.pace.as_secs_f64(),
            age_ms: millis(self.pace + BESIDES_THE_PACE),
        };
        Ok(Conflation {
            servers: self.servers,
            users: self.users,
            stocks: self.stocks,
            stocks_a_user,
            changes_a_second: self.changes(),
            pace_ms: millis(self.pace),
            cores: child::cores()?.len(),
            goals,
            unmet: goals.unmet(&with_a_pace),
            with_a_pace,
            without_a_pace,
        })
    }

    fn changes(&self) -> f64 {
        let enough = CHANGES_A_PACE / self.pace.as_secs_f64();
        self.changes.unwrap_or(enough)
    }

    fn pacing(&self) -> Pace {
        Pace {
            interval: micros(self.pace),
            period: (1e6 / self.changes()) as u64,
        }
    }

    fn assignment(&self) -> Assignment {
        Assignment::even(self.each, 0, self.stocks)
    }

    /// Starts everything, lets users connect by this path, publishes, and reports.
    fn measure(
        &self,
        program: &Path,
        path: &str,
        how: &str,
        stop: &Stop,
    ) -> anyhow::Result<Figures> {
        let redises = Redises::start(None, stop)?;
        let servers = Servers::start(self.servers, program, redises.url(), stop)?;
        let stocks = Stocks::made_up(self.stocks).0;
        let plan = Plan {
            servers: servers.addresses(),
            path: path.to_owned(),
            users: self.users,
            stocks: stocks.clone(),
            assignment: self.assignment(),
            core: None,
            // As for a million users: being woken for each price would be the servers' cost.
            gather: true,
        };
        let mut pool = WorkerPool::start(&plan, stop)?;
        let subscriptions = self.users as u64 * u64::from(self.each.min(self.stocks));
        let what = format!("users connect, {how}");
        let connected = pool.wait_for(&what, subscriptions, |counts| counts.following)?;
        let mut publisher = Publisher::new(stocks, redises.transport()?);
        rounds::wait_until_calm(&mut pool, &mut publisher)?;
        rounds::start_from_zero(&mut pool)?;
        let (stocks, period) = (usize::from(self.stocks), self.pacing().period);
        let mut side = Side {
            conflate: self,
            pool,
            servers,
            publisher,
            redises,
            schedule: Schedule::new(stocks, period, stamp::now_micros(), self.seed),
            late: 0,
        };
        side.publish(how, connected)
    }
}

impl Side<'_> {
    fn publish(&mut self, how: &str, connected: Duration) -> anyhow::Result<Figures> {
        let conflate = self.conflate;
        // Until every user has had its first group.
        let warm = conflate.pace + Duration::from_secs(1);
        self.publish_for(&format!("prices begin, {how}"), warm)?;
        self.late = 0;
        self.pool.start_pacing(conflate.pacing())?;
        let before = self.read()?.0;
        self.publish_for(&format!("prices {how} (seconds)"), conflate.length)?;
        let (after, pacing) = self.read()?;
        let (ticks, by_then) = (slots(&pacing), too_many(&pacing));
        let late = self.late;
        let catch_up = CATCH_UP + conflate.pace;
        let without_newest = self.pool.catch_up(self.publisher.newest(), catch_up)?;
        let pacing = self.pool.pacing()?;
        let mut ages = Distribution::default();
        pacing.iter().for_each(|worker| ages.add(&worker.ages));
        let counts = self.pool.counts();
        let published = self.published();
        let window = after.since(&before);
        let cores = child::cores()?.len() as f64;
        Ok(Figures {
            connected_seconds: connected.as_secs_f64(),
            seconds: window.seconds,
            deliveries_a_second: window.a_second(window.counts.deliveries),
            groups_a_second: window.a_second(window.groups),
            missed_a_second: window.a_second(window.counts.missed),
            cpu: window.cpu,
            cpu_share: window.cpu.sum() / window.seconds / cores,
            servers_cpu_micros_a_price: per_million(
                Duration::from_secs_f64(window.cpu.servers),
                window.counts.deliveries,
            ),
            age_ms: ages.percentiles(),
            ticks_largest_by_mean: largest_by_mean(&ticks),
            publisher_late_ms: late as f64 / 1e3,
            // More time allows more groups, but does not make up for too many in less of it.
            too_many_groups: by_then.max(too_many(&pacing)),
            published,
            unaccounted: (counts.ended + counts.refused == 0)
                .then(|| published as i64 - (counts.deliveries + counts.missed) as i64),
            without_newest,
            counts,
        })
    }

    /// Publishes what is due, for this long.
    fn publish_for(&mut self, what: &str, length: Duration) -> anyhow::Result<()> {
        let bar = progress::bar(what, length.as_secs().max(1));
        let start = Instant::now();
        while start.elapsed() < length {
            let now = stamp::now_micros();
            let prices = self.schedule.take_due(now);
            if let Some((_, due)) = prices.first() {
                self.late = self.late.max(now.saturating_sub(*due));
            }
            self.publisher.publish_dated(prices)?;
            self.pool.pass(GATHER)?;
            bar.set_position(start.elapsed().as_secs());
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<(Reading, Vec<Pacing>)> {
        let cpu = CpuSeconds {
            servers: self.servers.cpu()?.as_secs_f64(),
            redis: self.redises.cpu()?.as_secs_f64(),
            users: self.pool.cpu()?.as_secs_f64(),
            publisher: Meter::of(process::id())?.cpu()?.as_secs_f64(),
        };
        let pacing = self.pool.pacing()?;
        let reading = Reading {
            at: Instant::now(),
            counts: self.pool.counts(),
            groups: pacing.iter().map(|worker| worker.groups).sum(),
            cpu,
        };
        Ok((reading, pacing))
    }

    /// How many prices were published for all subscriptions together.
    fn published(&self) -> u64 {
        let assignment = self.conflate.assignment();
        let stocks = (0..self.conflate.users).flat_map(|user| assignment.of(user));
        let newest = self.publisher.newest();
        stocks.map(|it| u64::from(newest[usize::from(it)])).sum()
    }
}

/// What happened between two readings.
struct Window {
    seconds: f64,
    counts: Counts,
    groups: u64,
    cpu: CpuSeconds,
}

impl Window {
    fn a_second(&self, count: u64) -> f64 {
        count as f64 / self.seconds
    }
}

impl Reading {
    fn since(&self, earlier: &Self) -> Window {
        let spent = |of: fn(&CpuSeconds) -> f64| of(&self.cpu) - of(&earlier.cpu);
        Window {
            seconds: (self.at - earlier.at).as_secs_f64(),
            counts: self.counts - earlier.counts,
            groups: self.groups - earlier.groups,
            cpu: CpuSeconds {
                servers: spent(|cpu| cpu.servers),
                redis: spent(|cpu| cpu.redis),
                users: spent(|cpu| cpu.users),
                publisher: spent(|cpu| cpu.publisher),
            },
        }
    }
}

impl CpuSeconds {
    fn sum(&self) -> f64 {
        self.servers + self.redis + self.users + self.publisher
    }
}

impl Goals {
    /// What was promised and not kept, in words.
    fn unmet(&self, figures: &Figures) -> Vec<String> {
        let mut unmet = Vec::new();
        let arrived = figures.deliveries_a_second;
        if arrived < self.deliveries_a_second * (1.0 - TOLERANCE) {
            let goal = self.deliveries_a_second;
            unmet.push(format!("{arrived:.0} prices a second of {goal:.0} arrived"));
        }
        match figures.age_ms {
            Some(age) if age.max <= self.age_ms => {}
            Some(age) => unmet.push(format!(
                "a user was without a newer price for {:.0} ms, and {:.0} are promised",
                age.max, self.age_ms
            )),
            None => unmet.push("no price arrived that carries its date".into()),
        }
        let counts = &figures.counts;
        let unaccounted = figures.unaccounted.map_or(0, i64::unsigned_abs);
        for (count, what) in [
            (figures.too_many_groups, "groups over one in a pace"),
            (counts.lost, "prices lost"),
            (counts.doubled, "prices doubled"),
            (counts.miscounted, "prices reported wrongly as missed"),
            (counts.missed_while_stale, "prices missed while stale"),
            (unaccounted, "prices neither delivered nor missed"),
            (figures.without_newest, "subscriptions without the newest"),
            (counts.ended, "connections ended by a server"),
            (counts.refused, "connections refused"),
            (counts.faults, "faults"),
        ] {
            if count > 0 {
                unmet.push(format!("{count} {what}"));
            }
        }
        unmet
    }
}

/// The slots of all workers, added up.
fn slots(pacing: &[Pacing]) -> Vec<u64> {
    let count = pacing.iter().map(|worker| worker.slots.len()).max();
    let sum = |slot: usize| pacing.iter().filter_map(|it| it.slots.get(slot)).sum();
    (0..count.unwrap_or(0)).map(sum).collect()
}

fn too_many(pacing: &[Pacing]) -> u64 {
    pacing.iter().map(|worker| worker.too_many).sum()
}

fn largest_by_mean(slots: &[u64]) -> f64 {
    let (largest, sum) = (slots.iter().max(), slots.iter().sum::<u64>());
    let mean = sum as f64 / slots.len().max(1) as f64;
    match largest {
        Some(largest) if sum > 0 => *largest as f64 / mean,
        _ => 0.0,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn pace(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(pace) if !PACES.contains(&pace) => Err("a server takes 100ms to 60s".into()),
        Ok(pace) if pace.subsec_nanos() % 1_000_000 != 0 => Err("whole milliseconds only".into()),
        Ok(pace) => Ok(pace),
        Err(error) => Err(format!("{error}; write it like 500ms or 1s")),
    }
}

fn changes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(changes) if (0.01..=1_000.0).contains(&changes) => Ok(changes),
        _ => Err("a number from 0.01 to 1000".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOALS: Goals = Goals {
        deliveries_a_second: 1_000_000.0,
        age_ms: 1_500.0,
    };

    fn kept() -> Figures {
        let mut ages = Distribution::default();
        ages.add(&[(1_400_000, 20)]);
        Figures {
            connected_seconds: 1.0,
            seconds: 15.0,
            deliveries_a_second: 999_000.0,
            groups_a_second: 50_000.0,
            missed_a_second: 250_000.0,
            cpu: CpuSeconds {
                servers: 8.0,
                redis: 0.5,
                users: 6.0,
                publisher: 0.5,
            },
            cpu_share: 0.5,
            servers_cpu_micros_a_price: 0.5,
            age_ms: ages.percentiles(),
            ticks_largest_by_mean: 1.1,
            publisher_late_ms: 11.0,
            too_many_groups: 0,
            published: 20_000_000,
            unaccounted: Some(0),
            without_newest: 0,
            counts: Counts::default(),
        }
    }

    #[test]
    fn a_promise_that_is_kept_is_not_complained_about() {
        assert_eq!(GOALS.unmet(&kept()), [""; 0]);
    }

    #[test]
    fn each_promise_that_is_broken_is_named_with_its_number() {
        let mut old = Distribution::default();
        old.add(&[(1_600_000, 1)]);
        let wrong = |change: fn(&mut Figures)| {
            let mut figures = kept();
            change(&mut figures);
            figures
        };
        for (figures, word) in [
            (
                wrong(|it| it.deliveries_a_second = 900_000.0),
                "900000 prices a second of 1000000",
            ),
            (
                Figures {
                    age_ms: old.percentiles(),
                    ..kept()
                },
                "1500 are promised",
            ),
            (wrong(|it| it.age_ms = None), "no price arrived"),
            (wrong(|it| it.too_many_groups = 3), "3 groups over one"),
            (wrong(|it| it.counts.lost = 4), "4 prices lost"),
            (wrong(|it| it.counts.doubled = 5), "5 prices doubled"),
            (wrong(|it| it.counts.miscounted = 6), "6 prices reported"),
            (
                wrong(|it| it.counts.missed_while_stale = 7),
                "7 prices missed while stale",
            ),
            (wrong(|it| it.unaccounted = Some(-8)), "8 prices neither"),
            (wrong(|it| it.without_newest = 9), "9 subscriptions"),
            (wrong(|it| it.counts.ended = 10), "10 connections ended"),
            (wrong(|it| it.counts.refused = 11), "11 connections refused"),
            (wrong(|it| it.counts.faults = 12), "12 faults"),
        ] {
            let unmet = GOALS.unmet(&figures);
            assert_eq!(unmet.len(), 1, "{unmet:?}");
            assert!(unmet[0].contains(word), "{unmet:?}");
        }
    }

    #[test]
    fn ticks_of_all_workers_together_are_even_or_a_herd() {
        let worker = |slots: [u64; 4]| Pacing {
            counts: Counts::default(),
            ages: Vec::new(),
            slots: slots.into(),
            groups: 0,
            too_many: 0,
        };
        let sums = slots(&[worker([1, 2, 3, 4]), worker([4, 3, 2, 1])]);
        assert_eq!(sums, [5; 4]);
        assert_eq!(largest_by_mean(&sums), 1.0);
        assert_eq!(largest_by_mean(&[0, 12, 0, 0]), 4.0);
        assert_eq!(largest_by_mean(&[]), 0.0);
    }

    #[test]
    fn a_pace_is_one_that_servers_take() {
        assert_eq!(pace("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(pace("1m"), Ok(Duration::from_secs(60)));
        for bad in ["99ms", "61s", "soon", "", "100ms 1us"] {
            assert!(pace(bad).is_err(), "{bad}");
        }
    }
}
