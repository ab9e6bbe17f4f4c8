//! The deploy of lesson 13b: two servers behind HAProxy are replaced one after the other, while prices are
//! published and users follow them. No user is refused, and each knows what it missed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use harness::{Process, ProxyProgram, RedisServer, free_port, until};
use serde_json::Value;
use support::client::{CLOSE, Client, FIN, PING, PONG, TEXT, flood, frame, get, handshake};
use support::fleet::{Server, program};
use tempfile::TempDir;

const USERS: usize = 40;
const STOCKS: usize = 20;
/// How many stocks a user follows.
const EACH: usize = 5;

/// A hundred prices a second.
const PRICE_EVERY: Duration = Duration::from_millis(10);
/// A new user opens the page fifty times a second: the moments in which a server ends and starts are short.
const VISIT_EVERY: Duration = Duration::from_millis(20);

/// The waits of `feed.js`.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// How long a user may be away in addition to its own wait: `timeout connect 5s` of the proxy, for the server
/// that has gone and for the one that takes the user.
const AWAY_AT_MOST: Duration = Duration::from_secs(10);

fn stock(at: usize) -> String {
    format!("S{}", at % STOCKS)
}

/// A free port that no outgoing connection is given meanwhile: a server must get it back after its restart.
fn lasting_port() -> SocketAddr {
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    std::iter::repeat_with(|| {
        SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..30_000)))
    })
    .take(1_000)
    .find(is_free)
    .expect("some port is free")
}

/// HAProxy with the configuration of the lesson, as a process whose output can be read.
#[derive(Debug)]
struct Haproxy {
    process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Haproxy {
    /// Starts it before these servers; each of the changes is made to the configuration.
    fn start(servers: [SocketAddr; 2], changes: &[[&str; 2]]) -> Self {
        let [one, two] = servers.map(|server| server.to_string());
        let started = (0..5).find_map(|_| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            let bind = format!("bind {address}");
            let own = [
                ["127.0.0.1:3000", &one],
                ["127.0.0.1:3001", &two],
                ["bind :8080", &bind],
            ];
            let text = include_str!("../proxies/haproxy.cfg").to_owned();
            let text = own.iter().chain(changes).fold(text, |text, [from, to]| {
                assert!(text.contains(from), "{from} is in the configuration");
                text.replace(from, to)
            });
            Self::try_start(address, &text)
        });
        started.expect("HAProxy starts")
    }

    /// `None` if another process has taken the port.
    fn try_start(address: SocketAddr, configuration: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("haproxy.cfg");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new("haproxy");
        let mut process = Process::start(command.arg("-f").arg(&file).stdin(Stdio::null()));
        let mut is_running = true;
        until("HAProxy listens", || {
            is_running = process.is_running();
            !is_running || TcpStream::connect(address).is_ok()
        });
        is_running.then_some(Self {
            process,
            address,
            _directory: directory,
        })
    }

    /// Waits until it prints this, from here on.
    fn until_prints(&self, from: usize, text: &str) {
        until(&format!("HAProxy prints {text:?}"), || {
            self.process.output()[from..].contains(text)
        });
    }
}

/// Publishes 1, 2, 3, … of each stock in turn by `stock-feed publish`, which stores each as its stock's last
/// price. At the end each stock gets one more price, with half a point: users know by it that it is the last.
#[derive(Debug)]
struct Publishing {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Publishing {
    fn start(redis: &RedisServer) -> Self {
        let mut publish = program();
        publish.args(["publish", "--redis", &redis.url(), "--rate", "0", "-"]);
        let mut publish = Process::start(publish.stdin(Stdio::piped()));
        let enough = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let enough = Arc::clone(&enough);
            move || {
                let (mut number, mut due) = (0, Instant::now());
                while !enough.load(Ordering::Relaxed) {
                    number += 1;
                    for stock in (0..STOCKS).map(stock) {
                        publish.write(&format!("{stock},{number}\n"));
                        due += PRICE_EVERY;
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                    }
                }
                number += 1;
                for stock in (0..STOCKS).map(stock) {
                    publish.write(&format!("{stock},{number}.5\n"));
                }
                publish.close_input();
                assert!(publish.wait().success());
                number
            }
        });
        Self { enough, thread }
    }

    /// Publishes the last prices, and returns their number.
    fn end(self) -> u64 {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().expect("the prices are published")
    }
}

/// What a user got, and what it did not.
#[derive(Debug, Default)]
struct Account {
    /// The number of the newest price of each stock, over all connections.
    newest: HashMap<String, u64>,
    prices: u64,
    /// Counted by `missed`, on a connection.
    missed: u64,
    /// Published between two connections.
    while_away: u64,
    /// From each close frame until all its stocks were subscribed to again.
    away: Vec<Duration>,
}

/// A user that reconnects as the page does, until it has the last price of each of its stocks.
#[derive(Debug)]
struct User {
    proxy: SocketAddr,
    stocks: Vec<String>,
    random: fastrand::Rng,
    /// How many users are subscribed to all of their stocks.
    following: Arc<AtomicUsize>,
    account: Account,
}

impl User {
    fn start(proxy: SocketAddr, at: usize, following: &Arc<AtomicUsize>) -> JoinHandle<Account> {
        let user = Self {
            proxy,
            stocks: (at..at + EACH).map(stock).collect(),
            random: fastrand::Rng::with_seed(at as u64),
            following: Arc::clone(following),
            account: Account::default(),
        };
        thread::spawn(move || user.run())
    }

    fn run(mut self) -> Account {
        let mut failures = 0;
        let mut left: Option<(Instant, Duration)> = None;
        loop {
            let connected = Instant::now();
            // It fails if the proxy refuses: a user is let in at its first attempt.
            let mut client = Client::connect(self.proxy);
            if self.is_closed_before_the_end(&mut client, left) {
                let is_good = connected.elapsed() > GOOD_AFTER;
                failures = if is_good { 1 } else { failures + 1 };
                let most = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.pow(failures));
                let wait = most.mul_f64(0.5 + self.random.f64() / 2.0);
                left = Some((Instant::now(), wait));
                thread::sleep(wait);
            } else {
                return self.account;
            }
        }
    }

    /// One connection: false if the user has the last price of each stock, true after a close frame with 1012.
    fn is_closed_before_the_end(
        &mut self,
        client: &mut Client,
        left: Option<(Instant, Duration)>,
    ) -> bool {
        for stock in &self.stocks {
            client.subscribe(stock);
        }
        let mut subscribed = 0;
        let mut on_this_connection = HashMap::new();
        let mut ended = HashSet::new();
        while ended.len() < EACH {
            let message: Value = match client.frame() {
                Some((TEXT, payload)) => serde_json::from_slice(&payload).unwrap(),
                Some((PING, payload)) => {
                    client.send(&frame(FIN | PONG, &payload));
                    continue;
                }
                Some((CLOSE, payload)) => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    assert_eq!(code, 1012, "the only reason to be closed");
                    return true;
                }
                other => panic!("neither a message nor a close frame, but {other:?}"),
            };
            match message["type"].as_str() {
                Some("subscribed") => {
                    subscribed += 1;
                    if subscribed == EACH {
                        self.following.fetch_add(1, Ordering::Relaxed);
                        self.is_back(left);
                    }
                }
                Some("price") => {
                    self.take(&message, &mut on_this_connection);
                    if message["price"].as_str().unwrap().ends_with(".5") {
                        ended.insert(message["stock"].to_string());
                    }
                }
                // The user is told that the link to Redis broke, as on a very busy machine it may.
                Some("status") => on_this_connection.clear(),
                _ => panic!("neither a price nor an answer: {message}"),
            }
        }
        false
    }

    fn is_back(&mut self, left: Option<(Instant, Duration)>) {
        if let Some((at, wait)) = left {
            let away = at.elapsed();
            assert!(
                away <= wait + AWAY_AT_MOST,
                "{away:?}, of which {wait:?} waiting"
            );
            self.account.away.push(away);
        }
    }

    fn take(&mut self, price: &Value, on_this_connection: &mut HashMap<String, u64>) {
        let stock = price["stock"].as_str().unwrap().to_owned();
        let number = price["price"].as_str().unwrap().trim_end_matches(".5");
        let number: u64 = number.parse().unwrap();
        self.account.prices += 1;
        let newest = self.account.newest.insert(stock.clone(), number);
        if let Some(before) = on_this_connection.insert(stock, number) {
            let missed = price["missed"].as_u64().unwrap_or(0);
            assert_eq!(number, before + 1 + missed, "{price} after {before}");
            self.account.missed += missed;
        } else if let Some(newest) = newest {
            // Its first price here is the last one known, or a newer one.
            assert!(number >= newest, "{price} after {newest}");
            self.account.while_away += (number - newest).saturating_sub(1);
        }
    }
}

/// A new user comes and goes, again and again, until `enough`; returns how often it was let in.
fn visit(proxy: SocketAddr, enough: &AtomicBool) -> usize {
    let mut visits = 0;
    while !enough.load(Ordering::Relaxed) {
        Client::connect(proxy);
        visits += 1;
        thread::sleep(VISIT_EVERY);
    }
    visits
}

#[test]
fn both_servers_are_deployed_while_prices_are_published_and_each_user_knows_what_it_missed() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    if !ProxyProgram::Haproxy.is_installed() {
        return;
    }
    let start = |address: SocketAddr| {
        let server = Server::start_on(address, &["--redis", &redis.url(), "--drain", "2s"]);
        until("the server is linked to Redis", || {
            get(address, "/healthz").body == "live\n"
        });
        server
    };
    let mut servers = [start(lasting_port()), start(lasting_port())];
    let haproxy = Haproxy::start(servers.each_ref().map(|server| server.address), &[]);
    until("HAProxy reaches a server", || {
        get(haproxy.address, "/healthz").status == 200
    });
    let publishing = Publishing::start(&redis);
    let following = Arc::new(AtomicUsize::new(0));
    let users: Vec<JoinHandle<Account>> = (0..USERS)
        .map(|at| User::start(haproxy.address, at, &following))
        .collect();
    let enough = Arc::new(AtomicBool::new(false));
    let visits = thread::spawn({
        let (proxy, enough) = (haproxy.address, Arc::clone(&enough));
        move || visit(proxy, &enough)
    });
    until("all users follow their stocks", || {
        following.load(Ordering::Relaxed) == USERS
    });

    for (server, name) in servers.iter_mut().zip(["one", "two"]) {
        let from = haproxy.process.output().len();
        server.process.signal("TERM");
        haproxy.until_prints(from, &format!("Server stock_feed/{name} is DOWN"));
        assert_eq!(server.process.wait().code(), Some(0));
        *server = start(server.address);
        haproxy.until_prints(from, &format!("Server stock_feed/{name} is UP"));
    }

    let last = publishing.end();
    let accounts: Vec<Account> = users
        .into_iter()
        .map(|user| user.join().expect("it knows what it missed"))
        .collect();
    enough.store(true, Ordering::Relaxed);
    let visits = visits.join().expect("each visitor is let in");
    for account in &accounts {
        assert_eq!(account.newest.len(), EACH);
        assert!(
            account.newest.values().all(|newest| *newest == last),
            "{account:?}"
        );
        assert!(
            !account.away.is_empty(),
            "its server was not deployed: {account:?}"
        );
    }
    let sum = |of: fn(&Account) -> u64| accounts.iter().map(of).sum::<u64>();
    let mut away: Vec<Duration> = accounts
        .iter()
        .flat_map(|account| account.away.clone())
        .collect();
    away.sort();
    println!(
        "{} reconnects of {USERS} users, away for {:?} in the median and {:?} at most; \
         {} prices received, {} counted by `missed`, {} published while a user was away; \
         {visits} visitors let in",
        away.len(),
        away[away.len() / 2],
        away[away.len() - 1],
        sum(|account| account.prices),
        sum(|account| account.missed),
        sum(|account| account.while_away),
    );
}

#[test]
fn a_proxy_that_takes_a_draining_server_out_cuts_no_user_unless_it_is_set_to() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    if !ProxyProgram::Haproxy.is_installed() {
        return;
    }
    let cutting = ["rise 2", "rise 2 on-marked-down shutdown-sessions"];
    for changes in [&[][..], &[cutting]] {
        // Nothing listens where the other server would be, so that the user is on this one.
        let server = Server::behind(&redis, &["--drain", "1h"]);
        let haproxy = Haproxy::start([server.address, lasting_port()], changes);
        until("HAProxy reaches the server", || {
            get(haproxy.address, "/healthz").status == 200
        });
        let mut user = Client::connect(haproxy.address);
        user.subscribe_acknowledged("APPL");
        redis.until_subscribed("APPL", 1);
        server.process.signal("TERM");
        haproxy.until_prints(0, "Server stock_feed/one is DOWN");
        // An answer that HAProxy gave after that: it is done with the server's sessions.
        assert_eq!(get(haproxy.address, "/healthz").status, 503);
        redis.publish("APPL", "1");
        if changes.is_empty() {
            assert_eq!(user.json()["price"], "1");
        } else {
            assert_eq!(user.until_closed(), None, "it ends without a close frame");
        }
    }
}

/// A server that ends has connections that it has not accepted, or not answered: the kernel resets them.
#[test]
fn a_handshake_that_an_ending_server_resets_is_repeated_at_the_other_server() {
    const HANDSHAKES: usize = 20;
    const RESET: usize = 5;
    if !ProxyProgram::Haproxy.is_installed() {
        return;
    }
    let without = ["empty-response ", ""];
    for changes in [&[][..], &[without]] {
        let ending = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        ending.set_nonblocking(true).unwrap();
        let staying = Server::start(&["--no-market"]);
        let haproxy = Haproxy::start([ending.local_addr().unwrap(), staying.address], changes);
        let request = handshake(haproxy.address, "");
        let users = flood(haproxy.address, HANDSHAKES, |_| request.clone());
        let mut accepted: Vec<TcpStream> = Vec::new();
        // The checks of HAProxy wait there, too.
        let is_handshake = |stream: &TcpStream| {
            let mut start = [0; 7];
            stream.set_nonblocking(true).unwrap();
            stream.peek(&mut start).is_ok() && start == *b"GET /ws"
        };
        until("handshakes wait for the server", || {
            accepted.extend(ending.accept().map(|(stream, _)| stream));
            accepted
                .iter()
                .filter(|stream| is_handshake(stream))
                .count()
                >= RESET
        });
        drop((ending, accepted));
        let statuses = users.into_iter().map(|mut user| {
            let mut line = [0; 12];
            user.read_exact(&mut line).unwrap();
            String::from_utf8_lossy(&line).into_owned()
        });
        let refused = statuses.filter(|status| status != "HTTP/1.1 101").count();
        if changes.is_empty() {
            assert_eq!(refused, 0);
        } else {
            assert!(refused >= RESET, "{refused} are refused");
        }
    }
}
