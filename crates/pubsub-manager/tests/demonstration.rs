//! The demonstration as a user runs it.

#![cfg(feature = "cli")]

use std::{
    net::TcpListener,
    process::{Command, Output},
};

fn run(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pubsub-manager"))
        .args(flags)
        .env_remove("REDIS_URL")
        .output()
        .expect("cargo has built the program before its tests")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_ends_by_itself_and_every_price_is_received_once() {
    let output = run(&["--every", "0s"]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    let [.., advice, verdict] = lines.as_slice() else {
        panic!("{shown}")
    };
    assert!(advice.starts_with("try: "), "{shown}");
    let deliveries = verdict
        .strip_prefix("verdict: 12 users, ")
        .and_then(|rest| rest.strip_suffix(" deliveries: none lost, none twice"));
    let [received, owed] = deliveries
        .and_then(|deliveries| deliveries.split_once(" of "))
        .map(|(received, owed)| [received, owed])
        .unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(received, owed);
    assert!(shown.contains("channels still subscribed: 0"), "{shown}");
    for line in lines {
        assert!(line.len() <= 80, "wider than a projector shows: {line:?}");
    }
    for event in [
        "subscribed to APPL, its first user",
        "first user of APPL: subscribed to the channel",
        "of APPL -> 2 users",
        "it has no user here; the broker keeps it",
        "last price",
        "no user of APPL remains: unsubscribed from the channel",
    ] {
        assert!(shown.contains(event), "no {event:?} in {shown}");
    }
}

#[test]
fn no_two_runs_differ_but_by_their_seed() {
    let story = |seed| text(&run(&["--every", "0s", "--seed", seed]).stdout);
    assert_eq!(story("7"), story("7"));
    assert_ne!(story("7"), story("8"));
}

#[test]
fn without_a_redis_it_says_how_to_start_one_and_goes_on() {
    // A port that was free a moment ago, and that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = run(&[
        "--redis",
        &format!("redis://{free}"),
        "--rounds",
        "3",
        "--every",
        "100ms",
    ]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    assert!(
        shown.contains(&format!("stale: no Redis at redis://{free}")),
        "{shown}"
    );
    assert!(shown.contains("start one there: redis-server"), "{shown}");
    assert!(
        shown
            .lines()
            .last()
            .unwrap()
            .starts_with("verdict: 3 users"),
        "{shown}"
    );
}

#[test]
fn invalid_input_ends_it_with_code_2_and_advice() {
    for (flags, advice) in [
        (["--every", "soon"], "write for instance 500ms or 5s"),
        (
            ["--redis", "localhost"],
            "write for instance redis://127.0.0.1:6379",
        ),
        (
            ["--redis", "redis://:opensesame@host:port"],
            "write for instance redis://127.0.0.1:6379",
        ),
    ] {
        let output = run(&flags);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(advice),
            "{}",
            text(&output.stderr)
        );
        assert!(
            !text(&output.stderr).contains("opensesame"),
            "a password was printed"
        );
    }
}

#[test]
fn an_empty_redis_url_means_none() {
    let output = Command::new(env!("CARGO_BIN_EXE_pubsub-manager"))
        .args(["--every", "0s"])
        .env("REDIS_URL", "")
        .output()
        .expect("cargo has built the program before its tests");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("a broker in this process"));
}

#[test]
fn one_user_is_written_in_the_singular() {
    let output = run(&["--every", "0s", "--rounds", "1"]);
    let shown = text(&output.stdout);
    let last = shown.lines().last();
    let verdict = "verdict: 1 user, 2 of 2 deliveries: none lost, none twice";
    assert_eq!(last, Some(verdict), "{shown}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_a_failure_and_named() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_pubsub-manager"))
        .args(["--every", "0s"])
        .env_remove("REDIS_URL")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let message = text(&ended.stderr);
    assert!(message.contains("cannot write to stdout"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn sigterm_ends_it_with_its_verdict_also_as_process_1() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pubsub-manager"));
    let Some(ended) = harness::terminated_as_process_1(program.args(["--forever"])) else {
        return;
    };
    assert!(ended.status.success(), "{ended:?}");
    let shown = text(&ended.stdout);
    assert!(shown.contains("\nverdict: "), "{shown}");
}
