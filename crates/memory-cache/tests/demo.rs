//! The demonstration as a learner runs it.

use std::process::{Command, Output};

use harness::RedisServer;

fn run(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_memory-cache"))
        .args(flags)
        .env_remove("REDIS_URL")
        .output()
        .expect("cargo has built the program")
}

fn told(flags: &[&str]) -> Vec<String> {
    lines(&run(flags))
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    for line in text.lines() {
        assert!(line.len() <= 80, "wider than a projector shows: {line}");
    }
    text.lines().map(str::to_owned).collect()
}

/// The same with a Redis that has always answered within its 50 ms: on a busy machine it may not, and then
/// the database is asked.
fn told_by_a_quick_redis(redis: &RedisServer, flags: &[&str]) -> Vec<String> {
    for _ in 0..10 {
        redis.run::<()>(&["CONFIG", "RESETSTAT"]);
        let output = run(&[&["--redis", &redis.url()], flags].concat());
        if !String::from_utf8_lossy(&output.stderr).contains("is away") {
            return lines(&output);
        }
    }
    panic!("Redis was away in each of ten runs");
}

#[test]
fn a_copy_in_each_server_asks_the_database_once_for_each_game_and_server() {
    let lines = told(&["--ttl", "1s"]);
    assert_eq!(
        lines.last().unwrap(),
        "verdict: any server; 1100 reads, 21 asked the database; old for at most 1s"
    );
    let old = "    0.0s  server 1: 6 moves   server 2: 5 moves  old";
    assert!(lines.iter().any(|line| line == old), "{lines:#?}");
}

#[test]
fn two_runs_differ_in_their_times_only() {
    let without_times = |lines: Vec<String>| -> Vec<String> {
        let is_time = |line: &String| line.trim_start().split("s  server").count() > 1;
        lines.into_iter().filter(|line| !is_time(line)).collect()
    };
    let flags = ["--ttl", "500ms"];
    assert_eq!(without_times(told(&flags)), without_times(told(&flags)));
}

#[test]
fn without_a_cache_each_read_asks_the_database_and_none_is_old() {
    assert_eq!(
        told(&["--no-cache"]).last().unwrap(),
        "verdict: any server; 1100 reads, 1100 asked the database; never old"
    );
}

#[test]
fn one_cache_in_a_redis_asks_the_database_once_for_each_game() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    assert_eq!(
        told_by_a_quick_redis(&redis, &[]).last().unwrap(),
        "verdict: any server; 1100 reads, 11 asked the database; old for one hop"
    );
}

#[test]
fn a_redis_that_tracks_what_each_server_has_read_asks_the_database_as_rarely() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let lines = told_by_a_quick_redis(&redis, &["--tracking"]);
    assert_eq!(
        lines.last().unwrap(),
        "verdict: any server; 1100 reads, 11 asked the database; old for one hop"
    );
    // 1,100 reads of 11 games by two servers: each asks Redis for a game until it has read it there.
    let gets = redis.run::<String>(&["INFO", "commandstats"]);
    let gets = gets.lines().find(|line| line.starts_with("cmdstat_get:"));
    let (_, gets) = gets.unwrap().split_once("calls=").unwrap();
    let gets: u64 = gets.split(',').next().unwrap().parse().unwrap();
    assert!(gets < 200, "{gets} GETs: the copies are not used");
}

#[test]
fn invalid_input_ends_it_with_code_2_and_what_to_write_instead() {
    for (flags, advice) in [
        (&["--ttl", "0s"][..], "write --no-cache instead"),
        (&["--ttl", "-1s"], "write it like 2s or 500ms"),
        (&["--ttl", "300years"], "between 1ms and 24h"),
        (&["--capacity", "0"], "1..="),
        (&["--redis", "opensesame"], "redis://127.0.0.1:6379"),
        (&["--tracking"], "--redis <URL>"),
    ] {
        let output = run(flags);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {text}");
        assert!(text.contains(advice), "{flags:?}: {text}");
        assert!(!text.contains("opensesame"), "{text}");
    }
}
