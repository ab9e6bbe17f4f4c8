//! `feed-load plan`: how many servers and masters a feed needs, and what breaks first.

use std::iter;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use rlimit::Resource;
use serde::Serialize;

use crate::costs::{MACHINE, MEMORY};
use crate::machine::BESIDES_IN_A_SERVER;
use crate::model::{Fleet, Redis, Takes};

/// What a user is sent for a price, with the two bytes of a WebSocket's header.
const FRAME: &str = r#"__{"type":"price","stock":"APPL","price":"100.01"}"#;
/// What a server is sent for it by Redis.
const PUSH: &str = ">3\r\n$7\r\nmessage\r\n$4\r\nAPPL\r\n$6\r\n100.01\r\n";
/// Bytes around each packet, computed and not measured: Ethernet with preamble and gap, IP, and TCP with its time stamps.
const PACKET: f64 = 38.0 + 20.0 + 32.0;
/// What Redis lets wait for a subscriber before it disconnects it, in bytes: this much, or less for a minute.
const MOST_UNREAD: f64 = 32.0 * 1024.0 * 1024.0;
const LONG_UNREAD: f64 = 8.0 * 1024.0 * 1024.0;
/// Masters of a cluster: three can outvote a lost one, and Redis is made for a thousand nodes.
const MASTERS: [u32; 2] = [3, 500];
/// How long a publisher may gather prices: a user gets them so much later.
const PACES: [Duration; 6] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// `feed-load plan`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CapacityPlan {
    /// Users who are connected at the same time.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    users: u32,
    /// Stocks that have prices.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    stocks: u32,
    /// Prices published each second, over all stocks.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    updates: u32,
    /// Stocks that each user follows. Without it, three, or all if there are fewer.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    each: Option<u32>,
    /// Prices that a user gets each second. Without it, every stock has as many prices as every other:
    /// each * updates / stocks.
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    deliveries_per_user: Option<f64>,
    /// Users on each server. Without it, as many as its CPU time and descriptors allow.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    users_per_server: Option<u32>,
    /// Users who leave and come again each second. Without it, each stays for an hour.
    #[arg(long, value_name = "NUMBER")]
    churn: Option<u32>,
    /// How long the publisher gathers prices before it sends them together. A shorter time costs
    /// Redis and the servers more. Without it, the shortest of 20, 50, 100, 200 and 500 ms and 1 s with
    /// which no Redis is too busy.
    #[arg(long, value_name = "TIME", value_parser = pace)]
    pace: Option<Duration>,
    /// How busy a server or a Redis may be, in percent of the one core that it can use.
    #[arg(long, default_value_t = 70, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    busy: u8,
    /// File descriptors of a process (ulimit -Hn). Without it, this machine's.
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u64>::new().range(BESIDES_IN_A_SERVER + 1..))]
    descriptors: Option<u64>,
    /// What a network card sends, in Gbit/s.
    #[arg(long, default_value_t = 10.0, value_name = "GBIT", value_parser = positive)]
    link: f64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a feed needs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlanReport {
    pub(crate) users: u32,
    pub(crate) stocks: u32,
    pub(crate) stocks_a_user: u32,
    pub(crate) prices_a_second: u32,
    pub(crate) deliveries_a_second: f64,
    /// Milliseconds for which the publisher gathers prices.
    pub(crate) pace_ms: f64,
    pub(crate) servers: u32,
    pub(crate) users_a_server: u32,
    /// 1 without a cluster.
    pub(crate) masters: u32,
    /// Masters and replicas.
    pub(crate) redises: u32,
    pub(crate) cores: Cores,
    pub(crate) memory_gib: Memory,
    pub(crate) network_gbit: Network,
    /// Until Redis disconnects a server that does not read.
    pub(crate) unread_seconds: f64,
    /// Whether a Redis is busier than `--busy` says, however many masters there are.
    pub(crate) redis_too_busy: bool,
    /// What is used of each limit, the fullest first.
    pub(crate) limits: Vec<Limit>,
    /// The fullest limit if there were one Redis; absent if one is enough.
    pub(crate) with_one_redis: Option<Limit>,
    /// Whose figures the costs are.
    pub(crate) costs: &'static str,
}

/// Cores that are busy, and those to provide.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cores {
    pub(crate) servers: f64,
    pub(crate) redises: f64,
    /// So many that none is busier than `--busy` says.
    pub(crate) to_provide: f64,
}

/// GiB while every user reads what it is sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) servers: f64,
    pub(crate) redises: f64,
    /// Of the servers' kernels, for the users' sockets.
    pub(crate) kernel: f64,
    pub(crate) total: f64,
}

/// Gbit/s, headers included.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Network {
    pub(crate) to_users: f64,
    pub(crate) to_servers: f64,
    pub(crate) total: f64,
}

/// A limit, and what is used of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Limit {
    pub(crate) place: &'static str,
    pub(crate) what: &'static str,
    pub(crate) used: f64,
    pub(crate) of: f64,
    pub(crate) percent: f64,
}

impl CapacityPlan {
    /// What is nonsense though each option is valid.
    pub(crate) fn contradiction(&self) -> Option<String> {
        if self.each() > self.stocks {
            return Some(format!(
                "a user cannot follow {} of {} stocks: --each is at most --stocks",
                self.each(),
                self.stocks
            ));
        }
        let deliveries = self.deliveries_per_user.unwrap_or_default();
        if deliveries > f64::from(self.updates) {
            return Some(format!(
                "a user cannot get {deliveries} prices a second where {} are published: \
                 --deliveries-per-user is at most --updates",
                self.updates
            ));
        }
        None
    }

    /// Looks for the smallest fleet in which nothing is busier than it may be.
    pub(crate) fn run(&self) -> anyhow::Result<PlanReport> {
        let descriptors = match self.descriptors {
            Some(descriptors) => descriptors,
            None => Resource::NOFILE.get_hard()?,
        };
        let paces = self.pace.map_or(PACES.to_vec(), |pace| vec![pace]);
        let fleets = paces
            .iter()
            .map(|pace| self.smallest_fleet(*pace, descriptors));
        let mut last = None;
        for fleet in fleets {
            last = Some(fleet);
            if busiest_master(&fleet) <= self.busy() {
                break;
            }
        }
        let fleet = last.context("a plan has at least one pace")?;
        Ok(self.report(&fleet, descriptors))
    }

    fn fleet(&self, pace: Duration) -> Fleet {
        let [users, stocks, each, prices] =
            [self.users, self.stocks, self.each(), self.updates].map(f64::from);
        let a_user = self.deliveries_per_user.unwrap_or(each * prices / stocks);
        Fleet {
            users,
            stocks,
            each,
            prices,
            deliveries: users * a_user,
            batches: 1.0 / pace.as_secs_f64(),
            churn: self.churn.map_or(users / 3_600.0, f64::from),
            servers: 1.0,
            machines: 1.0,
            redis: Redis::One,
        }
    }

    fn each(&self) -> u32 {
        self.each.unwrap_or(self.stocks.min(3))
    }

    fn busy(&self) -> f64 {
        f64::from(self.busy) / 100.0
    }

    /// One Redis if that is enough; otherwise about the fewest masters with which none is busier than it may
    /// be, or those with which a master is least busy.
    ///
    /// More masters are not always better: each of them sends to every server, so a server reads more often,
    /// there must be more servers, and each master sends more often.
    fn smallest_fleet(&self, pace: Duration, descriptors: u64) -> Fleet {
        let one = self.with_servers(pace, Redis::One, descriptors);
        if busiest_master(&one) <= self.busy() {
            return one;
        }
        let [least, most] = MASTERS;
        let larger = |masters: &u32| Some(masters + masters.div_ceil(10));
        let candidates =
            iter::successors(Some(least), larger).take_while(|masters| *masters <= most);
        let mut best: Option<(f64, Fleet)> = None;
        for masters in candidates {
            let fleet = self.with_servers(pace, Redis::Cluster(f64::from(masters)), descriptors);
            let cores = busiest_master(&fleet);
            if cores <= self.busy() {
                return fleet;
            }
            if best.is_none_or(|(least, _)| cores < least) {
                best = Some((cores, fleet));
            }
        }
        best.map_or(one, |(_, fleet)| fleet)
    }

    /// As many servers as are needed behind this Redis.
    fn with_servers(&self, pace: Duration, redis: Redis, descriptors: u64) -> Fleet {
        let fleet = Fleet {
            redis,
            ..self.fleet(pace)
        };
        let of = |servers: u32| Fleet {
            servers: f64::from(servers),
            machines: f64::from(servers),
            ..fleet
        };
        if let Some(users) = self.users_per_server {
            return of(self.users.div_ceil(users));
        }
        let room = descriptors.saturating_sub(BESIDES_IN_A_SERVER).max(1);
        let least = u64::from(self.users).div_ceil(room) as u32;
        of(smallest(least, self.users, |servers| {
            of(servers).takes().servers_cores / f64::from(servers) <= self.busy()
        }))
    }

    fn report(&self, fleet: &Fleet, descriptors: u64) -> PlanReport {
        let takes = fleet.takes();
        let network = network(fleet, &takes);
        let kernel = fleet.users * MEMORY.kernel / 1024.0;
        let [servers, redises, kernel] =
            [takes.servers_mib, takes.redises_mib, kernel].map(|mib| mib / 1024.0);
        let one = Fleet {
            redis: Redis::One,
            ..*fleet
        };
        let place = match fleet.redis {
            Redis::One => "one Redis",
            Redis::Cluster(_) => "a master",
        };
        let mut limits = self.redis_limits(fleet, place);
        limits.extend(self.server_limits(fleet, &takes, descriptors));
        limits.sort_by(|one, other| other.percent.total_cmp(&one.percent));
        let with_one_redis = (fleet.redis != Redis::One)
            .then(|| self.redis_limits(&one, "one Redis"))
            .and_then(|limits| {
                limits
                    .into_iter()
                    .max_by(|one, other| one.percent.total_cmp(&other.percent))
            });
        let unread = takes.received / fleet.servers / fleet.redis.masters() * PUSH.len() as f64;
        PlanReport {
            users: self.users,
            stocks: self.stocks,
            stocks_a_user: self.each(),
            prices_a_second: self.updates,
            deliveries_a_second: fleet.deliveries,
            pace_ms: 1_000.0 / fleet.batches,
            servers: fleet.servers as u32,
            users_a_server: self.users.div_ceil(fleet.servers as u32),
            masters: fleet.redis.masters() as u32,
            redises: fleet.redis.nodes() as u32,
            cores: Cores {
                servers: takes.servers_cores,
                redises: takes.redises_cores,
                to_provide: ((takes.servers_cores + takes.redises_cores) / self.busy()).ceil(),
            },
            memory_gib: Memory {
                servers,
                redises,
                kernel,
                total: servers + redises + kernel,
            },
            network_gbit: network,
            unread_seconds: (MOST_UNREAD / unread).min(LONG_UNREAD / unread + 60.0),
            redis_too_busy: busiest_master(fleet) > self.busy(),
            limits,
            with_one_redis,
            costs: MACHINE,
        }
    }

    /// Of the fullest master.
    fn redis_limits(&self, fleet: &Fleet, place: &'static str) -> Vec<Limit> {
        let masters = fleet.redis.masters();
        let takes = fleet.takes();
        let sent = network(fleet, &takes).to_servers / masters;
        vec![
            Limit::new(place, "CPU, cores", takes.masters_cores / masters, 1.0),
            Limit::new(place, "output, Gbit/s", sent, self.link),
        ]
    }

    fn server_limits(&self, fleet: &Fleet, takes: &Takes, descriptors: u64) -> Vec<Limit> {
        let place = "a server";
        let users = (fleet.users / fleet.servers).ceil();
        let cores = takes.servers_cores / fleet.servers;
        let sent = network(fleet, takes).to_users / fleet.servers;
        let open = users + BESIDES_IN_A_SERVER as f64;
        vec![
            Limit::new(place, "CPU, cores: mostly send()", cores, 1.0),
            Limit::new(place, "file descriptors", open, descriptors as f64),
            Limit::new(place, "output, Gbit/s", sent, self.link),
        ]
    }
}

/// Cores that each master keeps busy.
fn busiest_master(fleet: &Fleet) -> f64 {
    fleet.takes().masters_cores / fleet.redis.masters()
}

impl Limit {
    fn new(place: &'static str, what: &'static str, used: f64, of: f64) -> Self {
        Self {
            place,
            what,
            used,
            of,
            percent: used / of * 100.0,
        }
    }
}

fn network(fleet: &Fleet, takes: &Takes) -> Network {
    let gbit = |messages: f64, packets: f64, bytes: usize| {
        (messages * bytes as f64 + packets * PACKET) * 8.0 / 1e9
    };
    let to_users = gbit(fleet.deliveries, takes.writes, FRAME.len());
    let to_servers = gbit(takes.received, takes.reads, PUSH.len());
    Network {
        to_users,
        to_servers,
        total: to_users + to_servers,
    }
}

/// The smallest number that is enough, if every larger one is enough as well; `most` if none is.
fn smallest(least: u32, most: u32, is_enough: impl Fn(u32) -> bool) -> u32 {
    let (mut least, mut most) = (least, most.max(least));
    while least < most {
        let middle = least + (most - least) / 2;
        if is_enough(middle) {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    least
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 1e6 => Ok(number),
        _ => Err("a number above 0, and at most a million".into()),
    }
}

fn pace(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let possible = Duration::from_micros(100)..=Duration::from_secs(60);
    if possible.contains(&time) {
        Ok(time)
    } else {
        Err("between 100us and 60s".into())
    }
}
