//! A master of a Redis Cluster is killed, and only its stocks become stale:
//! `cargo run -p pubsub-manager --example cluster_story`. It starts the six nodes and two servers itself;
//! redis-server has to be installed.
//!
//! There is one manager in a process, so each server is a process: this program, started again.
#![allow(
    clippy::unwrap_used,
    reason = "a demonstration may panic with what went wrong"
)]

use harness::RedisCluster;
use pubsub_manager::{BrokerAddress, Options, PubSubManager, Publisher, Stock, UserId};
use redis_client::RedisAddress;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, time::interval};

const SERVERS: usize = 2;
const USERS: usize = 500;
const STOCKS: usize = 200;
/// The time between two prices of a stock.
const EVERY: Duration = Duration::from_millis(200);
/// Far more than a failover takes.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let runtime = Runtime::new().unwrap();
    match env::args().nth(1) {
        Some(redis) => {
            runtime.block_on(serve(&redis));
            ExitCode::SUCCESS
        }
        None => tell(&runtime),
    }
}

fn stocks() -> impl Iterator<Item = Stock> {
    (0..STOCKS).map(|number| format!("S{number}").parse().unwrap())
}

fn broker(redis: &str) -> BrokerAddress {
    let address: RedisAddress = redis.parse().unwrap();
    address.into()
}

/// A server: prints `ready now` when every stock is subscribed, and `STOCK stale` and `STOCK live` when the
/// first user of the stock is sent that, until its input ends.
async fn serve(redis: &str) {
    let manager = PubSubManager::start(Options {
        broker: broker(redis),
        ..Options::default()
    })
    .unwrap();
    while !manager.counts().is_live() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stocks: Vec<Stock> = stocks().collect();
    let mut connections = Vec::new();
    for user in 0..USERS {
        let speaks = user < STOCKS;
        let socket = move |bytes: &[u8]| {
            if speaks {
                bytes.split(|byte| *byte == b'\n').for_each(print_status);
            }
        };
        let connection = manager.connect(UserId(user as u64), socket).unwrap();
        manager
            .user_subscribe(&connection, stocks[user % STOCKS])
            .unwrap();
        connections.push(connection);
    }
    while manager.counts().channels_confirmed < STOCKS as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("ready now");
    tokio::task::spawn_blocking(|| io::stdin().lines().for_each(drop))
        .await
        .unwrap();
}

fn print_status(line: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(line) else {
        return;
    };
    if message["type"] == "status" {
        let stock = message["stock"].as_str().unwrap_or("all");
        println!("{stock} {}", message["feed"].as_str().unwrap());
    }
}

/// A stock and its feed, or all of them, as a server printed it.
struct Line {
    server: usize,
    at: Instant,
    stock: String,
    feed: String,
}

fn tell(runtime: &Runtime) -> ExitCode {
    let Some(mut cluster) = RedisCluster::start() else {
        return ExitCode::FAILURE;
    };
    say(
        None,
        &format!(
            "{} users on {SERVERS} servers, {STOCKS} stocks on three masters, each with a replica",
            SERVERS * USERS
        ),
    );
    let (sender, lines) = mpsc::channel();
    let mut servers: Vec<Child> = (0..SERVERS)
        .map(|number| start_server(&cluster.url(), number, sender.clone()))
        .collect();
    drop(sender);
    let next = || lines.recv_timeout(DEADLINE).expect("the servers go on");
    // What they print before is the status that each user is sent when it connects.
    let mut ready = 0;
    while ready < SERVERS {
        ready += usize::from(next().stock == "ready");
    }
    runtime.spawn(publish(Publisher::new(&broker(&cluster.url()), "")));

    let names: Vec<String> = stocks().map(|stock| stock.to_string()).collect();
    let masters = cluster.masters_of(names.iter().map(String::as_str));
    let killed = masters[0];
    let begin = Instant::now();
    let address = cluster.node(killed).address();
    cluster.kill_9(killed);
    let its: BTreeSet<&String> = names
        .iter()
        .zip(&masters)
        .filter(|(_, master)| **master == killed)
        .map(|(name, _)| name)
        .collect();
    say(
        Some(begin),
        &format!("kill -9 of {address}, the master of {} stocks", its.len()),
    );

    let mut stale: BTreeMap<(usize, String), Instant> = BTreeMap::new();
    let mut spans = Vec::new();
    let mut others = 0;
    while spans.len() < SERVERS * its.len() {
        let line = next();
        if !its.contains(&line.stock) {
            others += 1;
        } else if line.feed == "stale" {
            stale.insert((line.server, line.stock), line.at);
            if stale.len() == SERVERS * its.len() {
                let some: Vec<&str> = its.iter().take(8).map(|stock| stock.as_str()).collect();
                say(
                    Some(begin),
                    &format!("they are stale on both servers: {}, …", some.join(", ")),
                );
            }
        } else if let Some(since) = stale.remove(&(line.server, line.stock)) {
            spans.push(line.at - since);
        }
    }
    spans.sort_unstable();
    say(
        Some(begin),
        &format!(
            "all are live again; they were stale for {:.1} to {:.1} s",
            spans[0].as_secs_f64(),
            spans[spans.len() - 1].as_secs_f64()
        ),
    );
    say(
        None,
        &format!(
            "users of the other {} stocks were sent {others} statuses",
            STOCKS - its.len()
        ),
    );
    cluster.repair();
    let held = cluster.shard_numsub(&names.iter().cloned().collect());
    let whole = held.values().filter(|servers| **servers == SERVERS).count();
    say(
        None,
        &format!("PUBSUB SHARDNUMSUB: {whole} of {STOCKS} stocks have {SERVERS} subscribers each"),
    );
    for server in &mut servers {
        drop(server.stdin.take());
        server.wait().unwrap();
    }
    let lost = STOCKS - whole;
    println!(
        "verdict: {lost} subscriptions were lost, {others} users of other stocks were disturbed"
    );
    if lost + others == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn start_server(redis: &str, number: usize, lines: mpsc::Sender<Line>) -> Child {
    let mut server = Command::new(env::current_exe().unwrap())
        .arg(redis)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(server.stdout.take().unwrap());
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some((stock, feed)) = line.split_once(' ') {
                let (at, stock, feed) = (Instant::now(), stock.to_owned(), feed.to_owned());
                let server = number;
                let _ = lines.send(Line {
                    server,
                    at,
                    stock,
                    feed,
                });
            }
        }
    });
    server
}

/// Publishes each stock by itself: a batch would wait for the master that is away.
async fn publish(publisher: Publisher) {
    for stock in stocks() {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            let mut clock = interval(EVERY);
            for price in 1_u64.. {
                clock.tick().await;
                let price = price.to_string().parse().unwrap();
                // The loss of a price is what the servers announce.
                let _ = publisher.publish(&[(stock, price)]).await;
            }
        });
    }
}

fn say(since: Option<Instant>, what: &str) {
    let at = since.map_or_else(String::new, |since| {
        format!("{:.2} s", since.elapsed().as_secs_f64())
    });
    let _ = writeln!(io::stdout(), "{at:>8}  {what}");
}
