//! The bare loop and the users, held against each other: what one sends the others count.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;
use support::wait_until_gone;
use support::{children, eventually, feed_load, measured, nothing_went_wrong, signal};

#[test]
fn every_price_reaches_every_user_of_the_bare_loop_once() {
    let load = "limit --users 200 --stocks 10 --each 3 --rate 200 --for 500ms";
    let report = measured(&mut feed_load(load));
    let prices = &report["prices"];
    // 200 users with 3 of 10 stocks each are 60 to a stock.
    assert_eq!(
        prices["deliveries"],
        prices["published"].as_u64().unwrap() * 60
    );
    nothing_went_wrong(prices);
    assert_eq!(prices["ended"], 0, "{prices:#}");
    assert_eq!(
        (&prices["connected"], &prices["following"]),
        (&200.into(), &600.into())
    );
}

#[test]
fn prices_of_a_burst_leave_in_one_write_and_arrive_in_one_read() {
    let report = measured(&mut feed_load(
        "limit --users 50 --burst 20 --rate 400 --for 300ms",
    ));
    let (deliveries, reads) = (&report["prices"]["deliveries"], &report["prices"]["reads"]);
    assert!(
        deliveries.as_u64().unwrap() >= 19 * reads.as_u64().unwrap(),
        "{deliveries} in {reads}"
    );
}

#[test]
fn the_json_has_the_shape_that_machines_rely_on() {
    let report = measured(&mut feed_load("limit --users 10 --for 100ms"));
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(
        keys(&report),
        "connecting latency_ms prices server stocks_a_user users"
    );
    assert_eq!(
        keys(&report["connecting"]),
        "seconds server_cpu_micros_a_user server_empty_mib server_kib_a_user users_a_second"
    );
    assert_eq!(
        keys(&report["prices"]),
        "connected deliveries deliveries_a_second doubled ended faults following joining lost \
         miscounted missed missed_while_stale opened published reads refused seconds \
         server_cpu_seconds_a_million stale_notices unplaced without_newest"
    );
    assert_eq!(keys(&report["latency_ms"]), "max p50 p90 p99 p999");
    for number in ["p50", "max"] {
        assert!(report["latency_ms"][number].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn without_json_it_prints_a_table_that_names_what_it_shows() {
    let output = feed_load("limit --users 10 --for 100ms").output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    for word in [
        "the bare loop",
        "server CPU",
        "per million deliveries",
        "latency",
        "lost",
        "doubled",
        "stale notices",
        "missed while stale",
    ] {
        assert!(table.contains(word), "{word} is not in:\n{table}");
    }
    assert!(!table.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn ctrl_c_ends_it_and_everything_it_started() {
    let measurement = feed_load("limit --users 50 --for 1m")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let children = wait_for_children(measurement.id());
    signal(measurement.id(), Signal::SIGINT);
    let output = measurement.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopped"));
    wait_until_gone(&children);
}

#[test]
fn not_even_a_kill_leaves_children_behind() {
    let mut measurement = feed_load("limit --users 50 --for 1m")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let children = wait_for_children(measurement.id());
    signal(measurement.id(), Signal::SIGKILL);
    measurement.wait().unwrap();
    wait_until_gone(&children);
}

#[test]
fn a_program_of_others_dies_with_us_as_well() {
    // A Redis or a server does not watch its standard input, as our own processes do. A shell
    // stands in for feed-load, and `sleep` for the program.
    let script = format!(
        "{} guard --parent $$ -- sleep 60 >/dev/null & echo $!; wait",
        env!("CARGO_BIN_EXE_feed-load")
    );
    let mut parent = Command::new("sh")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let child: i32 = line.trim().parse().unwrap();
    eventually("the guard becomes the program", || {
        let process = procfs::process::Process::new(child).unwrap();
        let line = process.cmdline().unwrap_or_default().join(" ");
        (line == "sleep 60").then_some(())
    });
    signal(parent.id(), Signal::SIGKILL);
    parent.wait().unwrap();
    wait_until_gone(&[child]);
}

#[test]
fn a_program_whose_parent_is_gone_already_does_not_start() {
    let output = feed_load("guard --parent 1 -- sleep 60").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is gone"));
}

/// A bare loop and a worker: they are there once both have become what they are to be.
fn wait_for_children(parent: u32) -> Vec<i32> {
    eventually(
        "the measurement starts its bare loop and its worker",
        || {
            let children: Vec<i32> = children(parent)
                .into_iter()
                .filter(|(_, line)| line.contains("bare-loop") || line.contains("worker"))
                .map(|(pid, _)| pid)
                .collect();
            (children.len() == 2).then_some(children)
        },
    )
}
