//! `feed-load users` against the real server: what it follows, publishes and measures.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use std::process::Command;

use feed_load::meter::Meter;
use serde_json::Value;
use support::redis_server::RedisServer;
use support::{measured, nothing_went_wrong, server};

fn users(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_feed-load"));
    command.arg("users").args(arguments);
    command
}

fn seen(arguments: &[&str]) -> Value {
    measured(&mut users(arguments))
}

#[test]
fn every_price_that_we_publish_through_a_shared_redis_reaches_every_user_once() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let redis = redis.url();
    let (server, address) = server(&[
        "--redis",
        &redis,
        "--channel-prefix",
        "lesson-13:",
        "--no-market",
    ]);
    let url = format!("ws://{address}/ws");
    let pid = server.id().to_string();
    let named_by = [&[][..], &["--server-pid", &pid]];
    for how in named_by {
        let mut arguments = vec![
            "--url",
            &url,
            "--users",
            "200",
            "--stocks",
            "10",
            "--each",
            "3",
            "--rate",
            "200",
            "--for",
            "500ms",
            "--redis",
            &redis,
            "--channel-prefix",
            "lesson-13:",
        ];
        arguments.extend(how);
        let seen = seen(&arguments);
        let prices = &seen["prices"];
        let published = prices["published"].as_u64().unwrap();
        // 200 users with 3 of 10 stocks each are 60 to a stock.
        assert!(published > 0, "{seen:#}");
        assert_eq!(prices["deliveries"], published * 60, "{seen:#}");
        nothing_went_wrong(prices);
        assert_eq!(prices["refused"], 0, "{prices:#}");
        assert!(seen["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
        for cost in [
            &seen["connecting"]["server_cpu_micros_a_user"],
            &seen["connecting"]["server_empty_mib"],
            &prices["server_cpu_seconds_a_million"],
        ] {
            assert!(cost.as_f64().unwrap() > 0.0, "named by {how:?}: {seen:#}");
        }
    }
}

#[test]
fn without_a_redis_users_take_what_the_market_of_the_server_sends() {
    let (_server, address) = server(&["--market-every", "5ms"]);
    let seen = seen(&[
        "--url",
        &format!("ws://{address}"),
        "--users",
        "20",
        "--stocks",
        "APPL,GOOG",
        "--each",
        "2",
        "--for",
        "1s",
    ]);
    assert!(
        seen["prices"]["deliveries"].as_u64().unwrap() >= 20,
        "{seen:#}"
    );
    // They carry neither a date nor a number.
    for unknown in [
        &seen["prices"]["published"],
        &seen["prices"]["without_newest"],
        &seen["latency_ms"],
    ] {
        assert!(unknown.is_null(), "{seen:#}");
    }
    assert_eq!(seen["prices"]["faults"], 0, "{seen:#}");
}

#[test]
fn the_process_that_listens_on_a_port_is_found_and_no_other() {
    let (one, at_one) = server(&["--no-market"]);
    let (other, at_other) = server(&["--no-market"]);
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
    let (server, address) = server(&["--no-market"]);
    let (gone, _) = support::server(&["--no-market"]);
    let pid = gone.id().to_string();
    drop(gone);
    let output = users(&[
        "--url",
        &format!("ws://{address}"),
        "--users",
        "1",
        "--server-pid",
        &pid,
    ])
    .output()
    .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains(&format!("process {pid} is gone")),
        "{message}"
    );
    drop(server);
}
