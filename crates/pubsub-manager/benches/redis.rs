//! Messages a second from a real Redis, beside a bare loop that only counts them:
//! `cargo bench -p pubsub-manager --bench redis`. It starts a `redis-server` of its own.
//!
//! The loop is the `redis` crate's blocking connection, which has nothing to do but parse. Both
//! run in a process of their own and take turns; the publisher and Redis are the same for both.

#[expect(dead_code, reason = "the tests do more to a Redis than a bench does")]
#[path = "../tests/support/redis_server.rs"]
mod redis_server;

use clap::{Parser, ValueEnum};
use pubsub_manager::{BrokerAddress, Connection, Options, PubSubManager, Socket, UserId};
use redis_server::RedisServer;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

/// Compares how fast messages are taken from Redis.
#[derive(Parser)]
struct Flags {
    /// How many channels are subscribed; each has one user.
    #[arg(long, default_value_t = 1_000)]
    stocks: usize,
    /// How many messages are published on each of them.
    #[arg(long, default_value_t = 1_000)]
    messages: usize,
    /// How often each is run; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Runs this one only, and prints its bare figure.
    #[arg(long, requires = "url")]
    subject: Option<Subject>,
    /// The Redis to take messages from.
    #[arg(long)]
    url: Option<String>,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    Manager,
    BareLoop,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    if let (Some(subject), Some(url)) = (flags.subject, &flags.url) {
        let seconds = match subject {
            Subject::Manager => manager(&flags, url)?,
            Subject::BareLoop => bare_loop(&flags, url)?,
        };
        println!("{seconds}");
        return Ok(());
    }
    let Some(redis) = RedisServer::start() else {
        return Ok(());
    };
    // A reader that is slower than the publisher must be measured, not dropped.
    redis.run::<()>(&[
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "pubsub 0 0 0",
    ]);
    let total = flags.stocks * flags.messages;
    println!(
        "{total} messages on {} channels, medians of {} runs",
        flags.stocks, flags.rounds
    );
    let (mut managers, mut loops) = (Vec::new(), Vec::new());
    for _ in 0..flags.rounds {
        managers.push(in_a_process(&flags, "manager", &redis)?);
        loops.push(in_a_process(&flags, "bare-loop", &redis)?);
    }
    let rate = |seconds: &mut Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        total as f64 / seconds[seconds.len() / 2]
    };
    let (manager, bare) = (rate(&mut managers), rate(&mut loops));
    println!("{manager:>10.0} messages a second by the manager, each to its user");
    println!("{bare:>10.0} messages a second by a bare loop that counts them");
    println!("{:>10.2} of the bare loop", manager / bare);
    Ok(())
}

fn in_a_process(flags: &Flags, subject: &str, redis: &RedisServer) -> anyhow::Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--subject", subject, "--url", &redis.url()])
        .args(["--stocks", &flags.stocks.to_string()])
        .args(["--messages", &flags.messages.to_string()])
        .output()?;
    let figure = String::from_utf8(output.stdout)?;
    let why = || format!("{subject}: {}", String::from_utf8_lossy(&output.stderr));
    anyhow::Context::with_context(figure.trim().parse(), why)
}

/// Publishes all messages from a thread of its own, a thousand at a time.
fn publish(flags: &Flags, url: &str) -> anyhow::Result<thread::JoinHandle<redis::RedisResult<()>>> {
    let mut link = redis::Client::open(url)?.get_connection()?;
    let (stocks, messages) = (flags.stocks, flags.messages);
    Ok(thread::spawn(move || {
        for message in 0..messages {
            let mut commands = redis::pipe();
            for stock in 0..stocks {
                commands.publish(format!("S{stock}"), message).ignore();
            }
            commands.query::<()>(&mut link)?;
        }
        Ok(())
    }))
}

/// Counts what it is given.
struct Count;

static GIVEN: AtomicU64 = AtomicU64::new(0);

impl Socket for Count {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        GIVEN.fetch_add(1, Relaxed);
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}

fn manager(flags: &Flags, url: &str) -> anyhow::Result<f64> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all();
    let runtime = runtime.build()?;
    let _inside = runtime.enter();
    let broker = BrokerAddress::Redis(url.parse()?);
    let manager = PubSubManager::start(Options {
        broker,
        ..Options::default()
    })?;
    let mut users: Vec<Connection<Count>> = Vec::new();
    for id in 0..flags.stocks {
        let user = manager.connect(UserId(id as u64), Count)?;
        manager.user_subscribe(&user, format!("S{id}").parse()?)?;
        users.push(user);
    }
    let wait = |done: &dyn Fn() -> bool| {
        while !done() {
            thread::sleep(Duration::from_millis(2));
        }
    };
    wait(&|| manager.stats().channels_confirmed == flags.stocks as u64);
    let start = Instant::now();
    let publisher = publish(flags, url)?;
    let total = (flags.stocks * flags.messages) as u64;
    // What is missed was skipped, and told to the user: that is taken from Redis as well.
    wait(&|| {
        let stats = manager.stats();
        stats.messages_in == total && stats.deliveries + stats.missed == total
    });
    let seconds = start.elapsed().as_secs_f64();
    publisher.join().expect("the publisher does not panic")?;
    Ok(seconds)
}

fn bare_loop(flags: &Flags, url: &str) -> anyhow::Result<f64> {
    let mut link = redis::Client::open(url)?.get_connection()?;
    let mut subscription = link.as_pubsub();
    for stock in 0..flags.stocks {
        subscription.subscribe(format!("S{stock}"))?;
    }
    let start = Instant::now();
    let publisher = publish(flags, url)?;
    for _ in 0..flags.stocks * flags.messages {
        std::hint::black_box(subscription.get_message()?);
    }
    let seconds = start.elapsed().as_secs_f64();
    publisher.join().expect("the publisher does not panic")?;
    Ok(seconds)
}
