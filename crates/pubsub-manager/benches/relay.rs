//! One price to many users, beside tokio's own fan-outs: `cargo bench -p pubsub-manager --bench relay`.
//!
//! Each subject runs in a process of its own, so that the memory it grows by is its own, and the
//! subjects take turns, so that whatever else the machine does falls on all of them. The figures
//! worth keeping are the ratios.

use clap::{Parser, ValueEnum};
use pubsub_manager::{
    BrokerAddress, Connection, Encode, InProcess, Message, Options, Price, PubSubManager, Settings,
    Socket, Stock, UserId,
};
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, broadcast, watch};

/// How many prices are told to everyone in one run.
const PRICES: u64 = 7;

/// Compares what one price to many users costs.
#[derive(Parser)]
struct Flags {
    /// How many users follow the stock; give it more than once for more than one table.
    #[arg(long, value_delimiter = ',', default_value = "100000,1000000")]
    users: Vec<usize>,
    /// How often each subject is run; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many threads the runtime has.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Runs this one only, and prints its bare figures.
    #[arg(long)]
    subject: Option<Subject>,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Every user follows one stock of the manager.
    Manager,
    /// Every user is a task that waits for a `watch` to change.
    Watch,
    /// Every user is a task that waits for the next of a `broadcast`.
    Broadcast,
}

/// What one run came to.
#[derive(Clone, Copy)]
struct Figures {
    bytes_per_user: f64,
    nanoseconds_per_user: f64,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    if let Some(subject) = flags.subject {
        for users in flags.users {
            let figures = run(subject, users, flags.threads)?;
            println!(
                "{} {}",
                figures.bytes_per_user, figures.nanoseconds_per_user
            );
        }
        return Ok(());
    }
    println!(
        "one price to all its users, medians of {} runs, {} thread(s)",
        flags.rounds, flags.threads
    );
    println!(
        "{:>9}  {:<10} {:>12} {:>12} {:>16}",
        "users", "", "bytes/user", "ns/user", "ns, manager = 1"
    );
    for users in flags.users {
        let subjects = [Subject::Manager, Subject::Watch, Subject::Broadcast];
        let mut runs = [const { Vec::new() }; 3];
        for _ in 0..flags.rounds {
            for (subject, runs) in subjects.iter().zip(&mut runs) {
                runs.push(in_a_process(*subject, users, flags.threads)?);
            }
        }
        let median = |runs: &[Figures], of: fn(&Figures) -> f64| {
            let mut figures: Vec<f64> = runs.iter().map(of).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        let own = median(&runs[0], |run| run.nanoseconds_per_user);
        for (subject, runs) in subjects.iter().zip(&runs) {
            let bytes = median(runs, |run| run.bytes_per_user);
            let time = median(runs, |run| run.nanoseconds_per_user);
            let name = subject.name();
            println!(
                "{users:>9}  {name:<10} {bytes:>12.0} {time:>12.1} {:>16.2}",
                time / own
            );
        }
    }
    Ok(())
}

fn in_a_process(subject: Subject, users: usize, threads: usize) -> anyhow::Result<Figures> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--subject", subject.name(), "--users", &users.to_string()])
        .args(["--threads", &threads.to_string()])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut figures = text.split_whitespace().map(str::parse);
    let mut next = || {
        let why = String::from_utf8_lossy(&output.stderr);
        figures
            .next()
            .ok_or_else(|| anyhow::anyhow!("{} printed no figures: {why}", subject.name()))
    };
    Ok(Figures {
        bytes_per_user: next()??,
        nanoseconds_per_user: next()??,
    })
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Watch => "watch",
            Self::Broadcast => "broadcast",
        }
    }
}

fn run(subject: Subject, users: usize, threads: usize) -> anyhow::Result<Figures> {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()?.block_on(async {
        let audience = Arc::new(Audience::new(users));
        let before = resident()?;
        match subject {
            Subject::Manager => manager(&audience, before).await,
            Subject::Watch => watch(&audience, before).await,
            Subject::Broadcast => broadcast(&audience, before).await,
        }
    })
}

/// Knows when everyone has read the price.
struct Audience {
    users: usize,
    read: AtomicUsize,
    all: Notify,
}

impl Audience {
    fn new(users: usize) -> Self {
        Self {
            users,
            read: AtomicUsize::new(0),
            all: Notify::new(),
        }
    }

    fn one_has_read(&self) {
        if self.read.fetch_add(1, Relaxed) + 1 == self.users {
            self.all.notify_one();
        }
    }

    /// Tells prices one at a time, and returns the median of what one took, for each user.
    async fn time(&self, mut tell: impl FnMut(u64)) -> f64 {
        let mut times = Vec::new();
        for price in 1..=PRICES {
            self.read.store(0, Relaxed);
            let start = Instant::now();
            tell(price);
            self.all.notified().await;
            times.push(start.elapsed());
        }
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e9 / self.users as f64
    }

    fn figures(&self, grown: u64, nanoseconds_per_user: f64) -> Figures {
        Figures {
            bytes_per_user: grown as f64 / self.users as f64,
            nanoseconds_per_user,
        }
    }
}

/// A user that reads at once, and remembers the length of what it read last.
struct Reader {
    audience: Arc<Audience>,
    last: AtomicU64,
}

impl Socket for Reader {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        // The status and the acknowledgement are one byte; only prices are counted.
        if bytes.len() > 1 {
            self.last.store(bytes.len() as u64, Relaxed);
            self.audience.one_has_read();
        }
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}

/// Prices in full, and anything else as one byte.
struct Frames;

impl Encode for Frames {
    fn encode(&self, message: &Message<'_>, into: &mut Vec<u8>) {
        match message {
            Message::Price { price, .. } => into.extend_from_slice(price.as_str().as_bytes()),
            _ => into.push(0),
        }
    }
}

async fn manager(audience: &Arc<Audience>, before: u64) -> anyhow::Result<Figures> {
    let broker = InProcess::default();
    let manager = PubSubManager::start(Options {
        broker: BrokerAddress::InProcess(broker.clone()),
        hub: Settings {
            encoder: Arc::new(Frames),
            ..Settings::default()
        },
        ..Options::default()
    })?;
    let stock: Stock = "HOT".parse()?;
    let mut users: Vec<Connection<Reader>> = Vec::with_capacity(audience.users);
    for id in 0..audience.users {
        let reader = Reader {
            audience: Arc::clone(audience),
            last: AtomicU64::new(0),
        };
        let connection = manager.connect(UserId(id as u64), reader)?;
        manager.user_subscribe(&connection, stock)?;
        users.push(connection);
    }
    while broker.subscribers(stock) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let grown = resident()? - before;
    let time = audience.time(|price| {
        let price: Price = format!("{}", 1_000 + price)
            .parse()
            .expect("digits are a price");
        broker.publish(stock, price);
    });
    Ok(audience.figures(grown, time.await))
}

async fn watch(audience: &Arc<Audience>, before: u64) -> anyhow::Result<Figures> {
    let (sender, receiver) = watch::channel(0);
    for _ in 0..audience.users {
        let (mut receiver, audience) = (receiver.clone(), Arc::clone(audience));
        tokio::spawn(async move {
            audience.one_has_read();
            while receiver.changed().await.is_ok() {
                std::hint::black_box(*receiver.borrow_and_update());
                audience.one_has_read();
            }
        });
    }
    // Nobody waits for a price before its task has been polled once.
    audience.all.notified().await;
    let grown = resident()? - before;
    let time = audience.time(|price| _ = sender.send_replace(price)).await;
    Ok(audience.figures(grown, time))
}

async fn broadcast(audience: &Arc<Audience>, before: u64) -> anyhow::Result<Figures> {
    let (sender, _) = broadcast::channel(16);
    for _ in 0..audience.users {
        let (mut receiver, audience) = (sender.subscribe(), Arc::clone(audience));
        tokio::spawn(async move {
            audience.one_has_read();
            while let Ok(price) = receiver.recv().await {
                std::hint::black_box::<u64>(price);
                audience.one_has_read();
            }
        });
    }
    // Nobody waits for a price before its task has been polled once.
    audience.all.notified().await;
    let grown = resident()? - before;
    let time = audience.time(|price| _ = sender.send(price)).await;
    Ok(audience.figures(grown, time))
}

/// The memory that this process has in RAM, in bytes.
fn resident() -> anyhow::Result<u64> {
    let stats = memory_stats::memory_stats();
    Ok(stats
        .ok_or_else(|| anyhow::anyhow!("this system does not tell a process its memory"))?
        .physical_mem as u64)
}
