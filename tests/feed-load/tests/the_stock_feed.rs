//! The real servers behind a real Redis, at a hundredth of the size: what a million users are
//! promised, ten thousand are shown.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::RedisServer;
use nix::sys::signal::Signal;
use serde_json::Value;
use support::{children, eventually, feed_load, signal, stock_feed, wait_until_gone};

fn measured(arguments: &str) -> Value {
    measured_with(stock_feed(), arguments)
}

fn measured_with(server: &Path, arguments: &str) -> Value {
    support::measured(feed_load(arguments).arg("--server").arg(server))
}

#[test]
fn ten_thousand_users_lose_a_server_and_nothing_else() {
    if !RedisServer::is_installed() {
        return;
    }
    let fleet =
        measured("fleet --servers 3 --users 10000 --life 5s --deliveries 10000 --churn 100");
    for nothing in ["lost", "doubled", "miscounted", "without_newest"] {
        assert_eq!(fleet[nothing], 0, "{nothing} in {fleet:#}");
    }
    assert_eq!(
        (&fleet["connected"], &fleet["following"]),
        (&10_000.into(), &30_000.into())
    );
    assert_eq!(fleet["faults"], 0, "{fleet:#}");
    assert_eq!(fleet["redises"], 1);
    costs_are_measured(&fleet);
    let quiet = &fleet["life"]["quiet"];
    for nothing in ["stale_notices", "missed_while_stale"] {
        assert_eq!(quiet[nothing], 0, "{nothing} in {fleet:#}");
    }
    assert!(quiet["deliveries"].as_u64().unwrap() > 1_000, "{fleet:#}");
    // Some had just left of their own accord when it failed: on a busy machine, hundreds.
    assert!(
        fleet["life"]["ended"].as_u64().unwrap() >= 2_500,
        "a third of them lost their server, and in the middle of life: {fleet:#}"
    );
    // A hundred a second left and came again, besides those who lost their server and came home.
    assert!(
        fleet["opened"].as_u64().unwrap() > 10_000 + 2 * 3_300 + 300,
        "{fleet:#}"
    );
    for time in ["users_back_seconds", "server_back_seconds"] {
        assert!(fleet[time].as_f64().unwrap() > 0.0, "{time} in {fleet:#}");
    }
    assert_eq!(
        (&fleet["unplaced"], &fleet["not_home"]),
        (&0.into(), &0.into())
    );
    assert!(
        fleet["life"]["deliveries_a_second"].as_f64().unwrap() > 1_000.0,
        "{fleet:#}"
    );
}

#[test]
fn a_fleet_behind_a_cluster_loses_nothing_and_every_node_is_measured() {
    if !RedisServer::is_installed() {
        return;
    }
    let fleet = measured(
        "fleet --cluster 3 --servers 2 --users 200 --life 1s --deliveries 1000 --churn 10",
    );
    for nothing in ["lost", "doubled", "miscounted", "without_newest", "faults"] {
        assert_eq!(fleet[nothing], 0, "{nothing} in {fleet:#}");
    }
    assert_eq!(fleet["redises"], 6);
    costs_are_measured(&fleet);
    // A node takes more than two MiB, and one node is not six.
    let mib = fleet["life"]["redises_mib"].as_f64().unwrap();
    assert!(mib > 12.0, "{fleet:#}");
}

#[track_caller]
fn costs_are_measured(fleet: &Value) {
    for something in [
        "published",
        "received",
        "deliveries",
        "servers_cpu_seconds",
        "redises_cpu_micros_a_price",
    ] {
        let figure = fleet["life"]["quiet"][something].as_f64().unwrap();
        assert!(figure > 0.0, "{something} in {fleet:#}");
    }
    // How many servers get a price does not depend on how fast the machine is.
    let ratio = fleet["plan"]["received"]["ratio"].as_f64().unwrap();
    assert!((0.7..1.3).contains(&ratio), "{fleet:#}");
}

#[test]
fn a_full_server_that_fails_leaves_no_user_unplaced() {
    if !RedisServer::is_installed() {
        return;
    }
    // The first server has room for ninety of its hundred users. Ten go elsewhere as soon as they
    // come, so fewer than its share lose it when it fails, and not all of them find room at home.
    let crammed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a-crammed-stock-feed");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *127.0.1.1:*) set -- --max-users 90 \"$@\";; esac\nexec '{}' \"$@\"\n",
        stock_feed().display()
    );
    std::fs::write(&crammed, script).unwrap();
    std::fs::set_permissions(&crammed, std::fs::Permissions::from_mode(0o755)).unwrap();
    let fleet = measured_with(
        &crammed,
        "fleet --servers 3 --users 300 --life 300ms --deliveries 1000 --churn 0",
    );
    assert_eq!(fleet["not_home"], 10, "{fleet:#}");
    for time in ["users_back_seconds", "server_back_seconds"] {
        assert!(fleet[time].as_f64().unwrap() > 0.0, "{time} in {fleet:#}");
    }
    for nothing in ["lost", "doubled", "miscounted", "without_newest"] {
        assert_eq!(fleet[nothing], 0, "{nothing} in {fleet:#}");
    }
}

#[test]
fn ctrl_c_ends_a_fleet_at_any_moment_and_leaves_nothing_behind() {
    if !RedisServer::is_installed() {
        return;
    }
    let count = |children: &[(i32, String)], what: &str| {
        let named = children.iter().filter(|(_, line)| line.contains(what));
        named.count()
    };
    type Moment<'a> = (&'a str, &'a str, &'a dyn Fn(&[(i32, String)]) -> bool);
    let moments: [Moment<'_>; 5] = [
        ("a cluster starts", "--cluster 3", &|all| {
            count(all, "redis-server") == 6
        }),
        ("Redis starts", "", &|all| count(all, "redis-server") == 1),
        ("servers start", "", &|all| count(all, "--no-market") > 0),
        ("users live", "", &|all| count(all, "worker") == 1),
        ("a server is dead", "", &|all| {
            count(all, "worker") == 1 && count(all, "--no-market") == 1
        }),
    ];
    for (moment, redis, come) in moments {
        let life = format!("{redis} --life 6s --deliveries 1000 --churn 10");
        let fleet = feed_load(&format!("fleet --servers 2 --users 300 {life}"))
            .arg("--server")
            .arg(stock_feed())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let children = eventually(moment, || {
            let children = children(fleet.id());
            come(&children).then_some(children)
        });
        let asked = Instant::now();
        signal(fleet.id(), Signal::SIGINT);
        let output = fleet.wait_with_output().unwrap();
        let took = asked.elapsed();
        assert_eq!(output.status.code(), Some(130), "when {moment}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("stopped"), "when {moment}: {said}");
        // A process that does not end by itself is killed after five seconds.
        assert!(took < Duration::from_secs(5), "when {moment}: {took:?}");
        let children: Vec<i32> = children.into_iter().map(|(pid, _)| pid).collect();
        wait_until_gone(&children);
    }
}

#[test]
fn a_flood_is_skipped_but_every_price_of_it_is_accounted_for() {
    if !RedisServer::is_installed() {
        return;
    }
    let compared = measured("compare --users 300 --runs 1 --flood 2s");
    let flood = &compared["flood"];
    // What is wrong is what was lost, doubled, reported wrongly, or missed while stale.
    for nothing in ["unaccounted", "wrong", "without_newest"] {
        assert_eq!(flood[nothing], 0, "{nothing} in {flood:#}");
    }
    let missed = flood["missed"].as_u64().unwrap();
    assert!(missed > 0, "it was no flood: {flood:#}");
    // A queue for each user would keep what was missed: tens of MiB even if it kept a pointer for each. A
    // server that waits for a processor has some MiB of prices to read when it gets one.
    let pointers = missed as f64 * 8.0 / (1024.0 * 1024.0);
    let most = f64::max(8.0, 0.8 * pointers);
    let mib = |at: usize| flood["memory_mib"][at].as_f64().unwrap();
    assert!(mib(1) < mib(0) + most, "memory is not flat: {flood:#}");
    for figure in ["single", "burst", "spread", "connect"] {
        for who in ["ours", "limit", "ratio"] {
            assert!(
                compared[figure][who].as_f64().unwrap() > 0.0,
                "{figure} of {who}"
            );
        }
    }
}
