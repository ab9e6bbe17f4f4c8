//! The measurement itself is not tested, for its figures differ from machine to machine; that it
//! measures, and says what it lacks, is.

#![allow(clippy::unwrap_used)]

mod support;

use harness::{eventually, signal, skip};
use support::server::PROGRAM;
use tokio::process::Command;

#[tokio::test]
async fn the_benchmark_prints_a_ratio_for_every_comparison() {
    if Command::new("wrk").output().await.is_err() {
        return skip("wrk is not installed", "apt-get install wrk");
    }
    let mut bench = Command::new(PROGRAM);
    bench.args([
        "bench",
        "--rounds",
        "1",
        "--seconds",
        "1",
        "--connections",
        "6",
    ]);
    let ended = bench.env_remove("DATABASE_URL").output().await.unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(
        ended.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    for comparison in ["database / no database", "3 servers / 1 server"] {
        let ratios: Vec<f64> = said
            .lines()
            .filter_map(|line| line.split_once(comparison))
            .flat_map(|(_, ratios)| ratios.split_whitespace())
            .map(|ratio| ratio.parse().unwrap())
            .collect();
        assert_eq!(
            ratios.len(),
            4,
            "requests and p99, for reading and writing: {said}"
        );
        assert!(ratios.iter().all(|ratio| *ratio > 0.0), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_signal_ends_the_benchmark_and_leaves_neither_wrk_nor_servers_nor_files() {
    use std::process::Stdio;
    use tokio::io::{AsyncBufReadExt, BufReader};

    if Command::new("wrk").output().await.is_err() {
        return skip("wrk is not installed", "apt-get install wrk");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Command::new(PROGRAM);
    bench
        .args(["bench", "--seconds", "60"])
        .env("TMPDIR", folder.path());
    bench.env_remove("DATABASE_URL").stdout(Stdio::piped());
    let mut bench = bench.spawn().unwrap();
    let process = bench.id().unwrap();
    let children = format!("/proc/{process}/task/{process}/children");
    // Four servers and wrk.
    eventually("it measures", async || {
        let children = std::fs::read_to_string(&children).unwrap();
        children.split_whitespace().count() >= 5
    })
    .await;
    let children = std::fs::read_to_string(&children).unwrap();
    let mut lines = BufReader::new(bench.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().is_some());
    signal(process, "TERM");
    assert_eq!(bench.wait().await.unwrap().code(), Some(0));
    eventually("nothing of it runs", async || {
        children.split_whitespace().all(|child| {
            let state = std::fs::read_to_string(format!("/proc/{child}/stat"));
            state.is_err()
        })
    })
    .await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn without_its_load_tool_the_benchmark_says_how_to_install_it() {
    let mut bench = Command::new(PROGRAM);
    let ended = bench
        .arg("bench")
        .env("PATH", "/nowhere")
        .output()
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("apt-get install wrk"), "{said}");
}
