//! What breaks while prices pour in: Redis, then a server. Nothing is doubled, nothing comes out of
//! order, and in the end everyone has the newest price.
#![cfg(unix)]

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use harness::{Process, RedisServer, until};
use support::client::{Client, stats};
use support::fleet::{Server, program};
use support::load::{Balancer, Pour};

/// Users on each server, and what they follow: three of the stocks each.
const USERS: usize = 100;
const STOCKS: usize = 20;
const EACH: usize = 3;

/// A price that no flood reaches.
const LAST: u64 = 999_999_999;

fn stock(n: usize) -> String {
    format!("S{}", n % STOCKS)
}

/// What all users together have seen so far.
#[derive(Debug, Default)]
struct Seen {
    prices: AtomicUsize,
    stale: AtomicUsize,
    live: AtomicUsize,
}

/// A user in a thread of its own, until it holds the last price of each of its stocks; it says
/// how often prices were stale meanwhile.
fn user(server: SocketAddr, n: usize, seen: &Arc<Seen>) -> JoinHandle<usize> {
    let mut user = Client::connect(server);
    let mut newest = HashMap::new();
    for stock in (n..n + EACH).map(stock) {
        user.subscribe_acknowledged(&stock);
        newest.insert(stock, None);
    }
    let seen = Arc::clone(seen);
    std::thread::spawn(move || {
        let mut outages = 0;
        while newest.values().any(|price| *price != Some(LAST)) {
            let message = user.json();
            if message["type"] == "status" && message["stock"].is_string() {
                // One channel is late, on a busy machine; its prices say the rest.
                continue;
            }
            match (message["type"].as_str(), message["feed"].as_str()) {
                (Some("status"), Some("stale")) => {
                    outages += 1;
                    seen.stale.fetch_add(1, Ordering::Relaxed);
                    // What is published while nobody listens is gone, and nobody can count it.
                    newest.values_mut().for_each(|price| *price = None);
                }
                (Some("status"), Some("live")) => {
                    assert_eq!(outages, 1, "live comes once, after stale");
                    seen.live.fetch_add(1, Ordering::Relaxed);
                }
                (Some("price"), None) => {
                    let stock = message["stock"].as_str().expect("a stock");
                    let price: u64 = message["price"]
                        .as_str()
                        .and_then(|price| price.parse().ok())
                        .expect("a price");
                    let missed = message["missed"].as_u64().unwrap_or(0);
                    let held = newest.get_mut(stock).expect("a stock that it follows");
                    if let Some(held) = held.filter(|_| price != LAST) {
                        assert_eq!(price, held + 1 + missed, "{message} after {held}");
                    }
                    *held = Some(price);
                    seen.prices.fetch_add(1, Ordering::Relaxed);
                }
                _ => panic!("neither a price nor a status: {message}"),
            }
        }
        outages
    })
}

/// Publishes each stock's last price, when as many servers as should follow it do.
fn publish_the_last(redis: &RedisServer, servers: usize) {
    for stock in (0..STOCKS).map(stock) {
        redis.until_subscribed(&stock, servers);
        assert_eq!(redis.publish(&stock, &LAST.to_string()), servers);
    }
}

#[test]
fn a_redis_that_dies_while_prices_pour_in_costs_what_was_published_meanwhile_and_nothing_else() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let servers = [Server::behind(&redis, &[]), Server::behind(&redis, &[])];
    let seen = Arc::new(Seen::default());
    let users: Vec<JoinHandle<usize>> = (0..2 * USERS)
        .map(|n| user(servers[n % 2].address, n, &seen))
        .collect();
    for stock in (0..STOCKS).map(stock) {
        redis.until_subscribed(&stock, 2);
    }
    let pour = Pour::start(redis.address(), (0..STOCKS).map(stock).collect());
    let poured = |more: usize| {
        let enough = seen.prices.load(Ordering::Relaxed) + more;
        until("prices pour in", || {
            seen.prices.load(Ordering::Relaxed) >= enough
        });
    };
    poured(20 * USERS);

    redis.kill_9();
    until("everyone knows that prices are stale", || {
        seen.stale.load(Ordering::Relaxed) == 2 * USERS
    });
    redis.restart();
    until("everyone knows that prices are live", || {
        seen.live.load(Ordering::Relaxed) == 2 * USERS
    });
    poured(20 * USERS);

    pour.end();
    publish_the_last(&redis, 2);
    for user in users {
        let outages = user.join().expect("in order, each price once");
        assert_eq!(outages, 1, "one outage is one");
    }
}

#[test]
fn users_of_a_server_that_dies_while_prices_pour_in_come_back_to_another_by_themselves() {
    const COME_BACK: usize = 8;
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut dies = Server::behind(&redis, &[]);
    let stays = Server::behind(&redis, &[]);
    let seen = Arc::new(Seen::default());
    let beside: Vec<JoinHandle<usize>> =
        (0..USERS).map(|n| user(stays.address, n, &seen)).collect();
    // The client is the program's own, and so is the way it comes back. It knows one address, as
    // browsers do: which server is behind it is not the client's business.
    let balancer = Balancer::start(vec![dies.address, stays.address]);
    let url = format!("ws://{}", balancer.address);
    let watchers: Vec<Process> = (0..COME_BACK)
        .map(|n| {
            let stocks = (n..n + EACH).map(stock);
            Process::start(program().args(["watch", &url]).args(stocks))
        })
        .collect();
    let sits = |server: &Server, users: usize| {
        let stats = stats(server.address);
        stats["users"] == users && stats["subscriptions"] == users * EACH
    };
    until("they sit where they will not stay", || {
        sits(&dies, COME_BACK)
    });
    let pour = Pour::start(redis.address(), (0..STOCKS).map(stock).collect());
    until("prices pour in", || {
        seen.prices.load(Ordering::Relaxed) >= 20 * USERS
    });

    dies.process.kill();
    until("all have come over", || sits(&stays, USERS + COME_BACK));
    pour.end();
    publish_the_last(&redis, 1);
    for (n, watcher) in watchers.iter().enumerate() {
        watcher.until_output("trying again");
        for stock in (n..n + EACH).map(stock) {
            let holds_the_last = |line: &str| {
                line.split_whitespace().next() == Some(&stock) && line.contains(&LAST.to_string())
            };
            until("each of them has the next price of each stock", || {
                watcher.output().lines().any(holds_the_last)
            });
        }
    }
    for user in beside {
        let outages = user.join().expect("who was there already noticed nothing");
        assert_eq!(outages, 0);
    }
}
