//! `feed-load users` against the real server: what it follows, publishes and measures.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use std::net::SocketAddr;
use std::process::Command;

use feed_load::meter::Meter;
use harness::RedisServer;
use support::{feed_load, measured, nothing_went_wrong, server};

fn users(address: SocketAddr, flags: &str) -> Command {
    let mut command = feed_load("users");
    command.args(["--url", &format!("ws://{address}/ws")]);
    command.args(flags.split_whitespace());
    command
}

#[test]
fn every_price_that_we_publish_through_a_shared_redis_reaches_every_user_once() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let broker = format!("--redis {} --channel-prefix lesson-13:", redis.url());
    let (server, address) = server(&format!("--no-market {broker}"));
    for how in [String::new(), format!("--server-pid {}", server.id())] {
        let load = "--users 200 --stocks 10 --each 3 --rate 200 --for 500ms";
        let report = measured(&mut users(address, &format!("{load} {broker} {how}")));
        let prices = &report["prices"];
        let published = prices["published"].as_u64().unwrap();
        // 200 users with 3 of 10 stocks each are 60 to a stock.
        assert!(published > 0, "{report:#}");
        assert_eq!(prices["deliveries"], published * 60, "{report:#}");
        nothing_went_wrong(prices);
        assert_eq!(prices["refused"], 0, "{prices:#}");
        assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
        for cost in [
            &report["connecting"]["server_cpu_micros_a_user"],
            &report["connecting"]["server_empty_mib"],
            &prices["server_cpu_seconds_a_million"],
        ] {
            assert!(cost.as_f64().unwrap() > 0.0, "named by {how:?}: {report:#}");
        }
    }
}

#[test]
fn without_a_redis_users_take_what_the_market_of_the_server_sends() {
    let (_server, address) = server("--market-every 5ms");
    let load = "--users 20 --stocks APPL,GOOG --each 2 --for 1s";
    let report = measured(&mut users(address, load));
    let prices = &report["prices"];
    assert!(prices["deliveries"].as_u64().unwrap() >= 20, "{report:#}");
    assert_eq!(prices["faults"], 0, "{report:#}");
    // They carry neither a date nor a number.
    for unknown in [
        &prices["published"],
        &prices["without_newest"],
        &report["latency_ms"],
    ] {
        assert!(unknown.is_null(), "{report:#}");
    }
}

#[test]
fn the_process_that_listens_on_a_port_is_found_and_no_other() {
    let (one, at_one) = server("--no-market");
    let (other, at_other) = server("--no-market");
    for (process, address) in [(&one, at_one), (&other, at_other)] {
        let found = Meter::of_listener(address).unwrap();
        assert_eq!(found, Meter::of(process.id()).unwrap());
    }
    drop(one);
    let error = Meter::of_listener(at_one).unwrap_err().to_string();
    assert!(error.contains("--server-pid"), "{error}");
}

#[test]
fn a_server_that_is_named_by_its_process_is_measured_there_and_nowhere_else() {
    let (_server, address) = server("--no-market");
    let (gone, _) = server("--no-market");
    let pid = gone.id();
    drop(gone);
    let output = users(address, &format!("--users 1 --server-pid {pid}")).output();
    let output = output.unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains(&format!("process {pid} is gone")),
        "{message}"
    );
}
