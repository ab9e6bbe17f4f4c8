//! A million users on a thousand stocks, a tenth of them on one: what each costs, how fast they
//! come and go, and what a price for all of them does to someone who joins another stock:
//! `cargo bench -p pubsub-manager --bench crowd`.

use clap::Parser;
use pubsub_manager::{
    BrokerAddress, Connection, InProcess, Options, PubSubManager, Settings, Socket, Stock, UserId,
};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Measures a crowd of users in memory, without sockets.
#[derive(Parser)]
struct Flags {
    /// How many users there are.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// How many stocks; a tenth of the users follow the first, the others are spread over all.
    #[arg(long, default_value_t = 1_000)]
    stocks: u64,
    /// How many stocks each user follows in the end.
    #[arg(long, default_value_t = 10)]
    follows: u64,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A user that takes everything and keeps nothing: what is measured is the manager's.
struct Nowhere;

/// How often anyone was offered something.
static OFFERS: AtomicU64 = AtomicU64::new(0);

impl Socket for Nowhere {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        OFFERS.fetch_add(1, Relaxed);
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}

struct Crowd {
    manager: &'static PubSubManager,
    broker: InProcess,
    users: Vec<Connection<Nowhere>>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let broker = InProcess::default();
    let manager = PubSubManager::start(Options {
        broker: BrokerAddress::InProcess(broker.clone()),
        hub: Settings {
            stocks_per_user: usize::try_from(flags.follows + 1)?,
            ..Settings::default()
        },
        ..Options::default()
    })?;
    let capacity = usize::try_from(flags.users)?;
    let mut crowd = Crowd {
        manager,
        broker,
        users: Vec::with_capacity(capacity),
    };
    // The user's task is on this thread and the manager's on the runtime's: as in a server.
    tokio::task::block_in_place(|| measure(&flags, &mut crowd))
}

fn measure(flags: &Flags, crowd: &mut Crowd) -> anyhow::Result<()> {
    let (users, follows) = (flags.users, flags.follows);
    println!(
        "{users} users, {} stocks, a tenth of the users on one of them",
        flags.stocks
    );
    let before = resident()?;

    let seconds = timed(|| {
        for id in 0..users {
            let connection = crowd.manager.connect(UserId(id), Nowhere)?;
            crowd
                .manager
                .user_subscribe(&connection, stock_of(flags, id, 0)?)?;
            crowd.users.push(connection);
        }
        Ok(())
    })?;
    rate("users who connect and follow one stock", users, seconds);
    let with_one = resident()?;
    println!(
        "{:>14.0} bytes a user with one stock",
        per(with_one - before, users)
    );

    let more = users * (follows - 1);
    let seconds = timed(|| {
        crowd.each(|crowd, id, user| {
            (1..follows).try_for_each(|nth| {
                Ok(crowd
                    .manager
                    .user_subscribe(user, stock_of(flags, id, nth)?)?)
            })
        })
    })?;
    rate("subscribes", more, seconds);
    let with_all = resident()?;
    println!(
        "{:>14.0} bytes for each further stock a user follows",
        per(with_all - with_one, more)
    );

    join_during_a_relay(crowd)?;

    let seconds = timed(|| {
        crowd.each(|crowd, id, user| {
            (1..follows).try_for_each(|nth| {
                Ok(crowd
                    .manager
                    .user_unsubscribe(user, &stock_of(flags, id, nth)?)?)
            })
        })
    })?;
    rate("unsubscribes", more, seconds);
    let seconds = timed(|| {
        crowd.users.clear();
        Ok(())
    })?;
    rate("users who drop their connection", users, seconds);
    Ok(())
}

impl Crowd {
    fn each(
        &self,
        mut act: impl FnMut(&Self, u64, &Connection<Nowhere>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        (0..)
            .zip(&self.users)
            .try_for_each(|(id, user)| act(self, id, user))
    }
}

/// Tells a price to everyone, and joins other stocks all the while.
fn join_during_a_relay(crowd: &mut Crowd) -> anyhow::Result<()> {
    let everyone: Stock = "EVERYONE".parse()?;
    crowd.each(|crowd, _, user| Ok(crowd.manager.user_subscribe(user, everyone)?))?;
    while crowd.broker.subscribers(everyone) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let joiner = crowd.manager.connect(UserId(u64::MAX), Nowhere)?;
    let idle = joins(crowd, &joiner, 5_000, || true)?;
    report("join with nothing else to do", idle);

    let (mut during, mut relays) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let target = OFFERS.load(Relaxed) + crowd.users.len() as u64;
        let start = Instant::now();
        crowd.broker.publish(everyone, format!("{round}").parse()?);
        // A joiner is offered something as well, so the fan-out may seem to end that much earlier.
        during.extend(joins(crowd, &joiner, usize::MAX, || {
            OFFERS.load(Relaxed) < target
        })?);
        relays.push(start.elapsed());
    }
    relays.sort();
    println!(
        "{:>14.1?} one price to all of them, meanwhile:",
        relays[relays.len() / 2]
    );
    report("join of another stock", during);
    Ok(())
}

/// Joins one new stock after the other, and leaves it: how long each was until it was told
/// `subscribed`, and until the broker had the server on its list.
fn joins(
    crowd: &Crowd,
    joiner: &Connection<Nowhere>,
    most: usize,
    go_on: impl Fn() -> bool,
) -> anyhow::Result<Vec<(Duration, Duration)>> {
    let mut times = Vec::new();
    while times.len() < most && go_on() {
        let stock: Stock = format!("J{}", OFFERS.load(Relaxed)).parse()?;
        let start = Instant::now();
        crowd.manager.user_subscribe(joiner, stock)?;
        let told = start.elapsed();
        while crowd.broker.subscribers(stock) == 0 {
            std::hint::spin_loop();
        }
        times.push((told, start.elapsed()));
        crowd.manager.user_unsubscribe(joiner, &stock)?;
    }
    Ok(times)
}

fn report(what: &str, times: Vec<(Duration, Duration)>) {
    let (mut told, mut held): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    for (times, until) in [
        (&mut told, "the user is told"),
        (&mut held, "the broker holds it"),
    ] {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        let (p50, p99, max) = (at(50), at(99), at(100));
        println!(
            "{:>14} {what}, until {until}: p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}",
            times.len()
        );
    }
}

/// The stocks of a user: one in ten follows the first before all others.
fn stock_of(flags: &Flags, id: u64, nth: u64) -> anyhow::Result<Stock> {
    let number = if nth == 0 && id.is_multiple_of(10) {
        0
    } else {
        1 + (id * 7 + nth) % (flags.stocks - 1)
    };
    Ok(format!("S{number}").parse()?)
}

fn timed(act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let start = Instant::now();
    act()?;
    Ok(start.elapsed().as_secs_f64())
}

fn rate(what: &str, count: u64, seconds: f64) {
    println!("{:>14.0} {what} a second", count as f64 / seconds);
}

fn per(bytes: u64, count: u64) -> f64 {
    bytes as f64 / count as f64
}

/// The memory that this process has in RAM, in bytes.
fn resident() -> anyhow::Result<u64> {
    let stats = memory_stats::memory_stats();
    let stats =
        stats.ok_or_else(|| anyhow::anyhow!("this system does not tell a process its memory"))?;
    Ok(u64::try_from(stats.physical_mem)?)
}
