//! Users with a pace and users without one, at a hundredth of the size: what 50,000 users are promised,
//! 500 are shown.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use harness::RedisServer;
use nix::sys::signal::Signal;
use serde_json::Value;
use support::{children, eventually, feed_load, signal, stock_feed, wait_until_gone};

/// What is promised to every user, with a pace or without one, on a machine of any speed.
#[track_caller]
fn every_price_is_accounted_for(figures: &Value) {
    for nothing in [
        "lost",
        "doubled",
        "miscounted",
        "missed_while_stale",
        "unaccounted",
        "without_newest",
        "faults",
        "ended",
        "refused",
    ] {
        assert_eq!(figures[nothing], 0, "{nothing} in {figures:#}");
    }
    assert_eq!(figures["following"], 10_000, "{figures:#}");
    let number = |name: &str| figures[name].as_u64().unwrap();
    assert_eq!(
        number("deliveries") + number("missed"),
        number("published"),
        "{figures:#}"
    );
}

#[test]
fn users_with_a_pace_get_one_group_in_it_and_the_exact_number_of_those_they_missed() {
    if !RedisServer::is_installed() {
        return;
    }
    let conflate = "conflate --users 500 --stocks 100 --changes 6 --pace 500ms --length 2s";
    let report = support::measured(feed_load(conflate).arg("--server").arg(stock_feed()));
    let (with, without) = (&report["with_a_pace"], &report["without_a_pace"]);
    every_price_is_accounted_for(with);
    every_price_is_accounted_for(without);
    assert_eq!(with["too_many_groups"], 0, "{report:#}");
    // Three prices of each stock in an interval, of which one is sent.
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
    let (deliveries, missed) = (number(with, "deliveries"), number(with, "missed"));
    assert!(missed > deliveries, "{report:#}");
    assert!(
        number(with, "groups_a_second") * 2.0 < number(without, "groups_a_second"),
        "{report:#}"
    );
    // Each stock six times a second cannot be one group in half a second: so the users who were sent all
    // prices show that too many groups are seen.
    assert!(number(without, "too_many_groups") > 0.0, "{report:#}");
    for side in [with, without] {
        for something in [
            "servers_cpu_micros_a_price",
            "cpu_share",
            "ticks_largest_by_mean",
        ] {
            assert!(number(side, something) > 0.0, "{something} in {report:#}");
        }
        for who in ["servers", "redis", "users", "publisher"] {
            assert!(number(&side["cpu"], who) > 0.0, "{who} in {report:#}");
        }
        let age = &side["age_ms"];
        assert!(number(age, "p50") <= number(age, "max"), "{report:#}");
    }
    let goals = &report["goals"];
    assert_eq!(goals["deliveries_a_second"], 20_000.0, "{report:#}");
    assert_eq!(goals["age_ms"], 1_000.0, "{report:#}");
}

#[test]
fn users_whose_pace_a_server_refuses_are_faults_and_not_users_with_a_pace() {
    if !RedisServer::is_installed() {
        return;
    }
    // A server with a pace of its own refuses a faster one, and its users have the server's.
    let folder = tempfile::tempdir().unwrap();
    let slower = folder.path().join("slower");
    let script = format!(
        "#!/bin/sh\nexec '{}' --pace 1s \"$@\"\n",
        stock_feed().display()
    );
    fs::write(&slower, script).unwrap();
    fs::set_permissions(&slower, fs::Permissions::from_mode(0o700)).unwrap();
    let conflate = "conflate --servers 1 --users 20 --stocks 20 --pace 500ms --length 1500ms";
    let report = support::measured(feed_load(conflate).arg("--server").arg(slower));
    assert_eq!(report["with_a_pace"]["faults"], 20, "{report:#}");
    assert_eq!(report["without_a_pace"]["faults"], 0, "{report:#}");
    let unmet = report["unmet"].as_array().unwrap();
    assert!(unmet.contains(&"20 faults".into()), "{report:#}");
}

#[test]
fn ctrl_c_ends_the_comparison_and_leaves_nothing_behind() {
    if !RedisServer::is_installed() {
        return;
    }
    let comparison = feed_load("conflate --users 30 --length 1m --server")
        .arg(stock_feed())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let children = eventually("users connect", || {
        let children = children(comparison.id());
        let worker = |(_, line): &(i32, String)| line.contains("worker");
        children.iter().any(worker).then_some(children)
    });
    signal(comparison.id(), Signal::SIGINT);
    let output = comparison.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopped"));
    let children: Vec<i32> = children.into_iter().map(|(pid, _)| pid).collect();
    wait_until_gone(&children);
}

#[test]
fn the_table_has_the_promises_beside_what_was_measured() {
    if !RedisServer::is_installed() {
        return;
    }
    let conflate = "conflate --servers 1 --users 20 --stocks 40 --pace 100ms --length 500ms";
    let output = feed_load(conflate)
        .arg("--server")
        .arg(stock_feed())
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    for part in [
        "20 users on 1 server, with 20 of 40 stocks each",
        "with a pace of 100 ms",
        "without a pace",
        "prices that arrive a second",
        "groups over one in a pace",
        "ms without a newer price, at most",
        "With a pace, ",
    ] {
        assert!(table.contains(part), "{part} is not in:\n{table}");
    }
}
