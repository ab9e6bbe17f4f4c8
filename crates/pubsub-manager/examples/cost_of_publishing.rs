//! What a price costs Redis, in microseconds of CPU time: published, stored and published, and in a cluster:
//! `cargo run -p pubsub-manager --example cost_of_publishing`. It starts the servers itself;
//! redis-server has to be installed.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement may panic with what went wrong"
)]

use harness::{RedisCluster, RedisServer};
use pubsub_manager::{BrokerAddress, Price, Publisher, Stock};
use redis_client::RedisAddress;
use std::time::Duration;

const STOCKS: usize = 12;
/// As many prices as a publisher that reads a file sends together.
const BATCH: usize = 512;
const BATCHES: usize = 400;
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (Some(single), Some(cluster)) = (RedisServer::start(), RedisCluster::start()) else {
        return;
    };
    let prices: Vec<(Stock, Price)> = (0..BATCH)
        .map(|number| {
            let stock = format!("S{}", number % STOCKS).parse().unwrap();
            (stock, "100.01".parse().unwrap())
        })
        .collect();
    let nodes: Vec<&RedisServer> = cluster.running().collect();
    println!("µs of CPU a price, of all servers together:");
    for (name, address, ttl, servers) in [
        (
            "one Redis, PUBLISH",
            single.url(),
            Duration::ZERO,
            &[&single][..],
        ),
        (
            "one Redis, SET and PUBLISH",
            single.url(),
            A_DAY,
            &[&single],
        ),
        (
            "six nodes, PUBLISH on one",
            nodes[0].url(),
            Duration::ZERO,
            &nodes,
        ),
        ("six nodes, SPUBLISH", cluster.url(), Duration::ZERO, &nodes),
        ("six nodes, SET and SPUBLISH", cluster.url(), A_DAY, &nodes),
    ] {
        let address: RedisAddress = address.parse().unwrap();
        let broker: BrokerAddress = address.into();
        let publisher = Publisher::new(&broker, "").with_last_price_ttl(ttl);
        // The first batch connects.
        publisher.publish(&prices).await.unwrap();
        let before = cpu_seconds(servers);
        for _ in 0..BATCHES {
            publisher.publish(&prices).await.unwrap();
        }
        let seconds = cpu_seconds(servers) - before;
        let each = seconds * 1e6 / (BATCH * BATCHES) as f64;
        println!("{name:<27} {each:>5.2}");
    }
}

/// How long these servers have kept a processor busy since they started, in their own code and in the kernel.
fn cpu_seconds(servers: &[&RedisServer]) -> f64 {
    let of_one = |server: &&RedisServer| -> f64 {
        let info: String = server.run(&["INFO", "cpu"]);
        let figures = info.lines().filter_map(|line| {
            line.strip_prefix("used_cpu_sys:")
                .or(line.strip_prefix("used_cpu_user:"))
        });
        figures.map(|seconds| seconds.parse::<f64>().unwrap()).sum()
    };
    servers.iter().map(of_one).sum()
}
