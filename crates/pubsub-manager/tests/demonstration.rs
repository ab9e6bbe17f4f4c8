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
fn it_ends_by_itself_with_accounts_that_balance() {
    let output = run(&["--every", "0s"]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    let [.., advice, verdict] = lines.as_slice() else {
        panic!("{shown}")
    };
    assert!(advice.starts_with("try: "), "{shown}");
    assert!(
        verdict.starts_with("verdict: 12 users over one link: "),
        "{shown}"
    );
    assert!(verdict.contains("none lost, none twice"), "{shown}");
    assert!(
        verdict.ends_with("0 channels are still subscribed"),
        "{shown}"
    );
    for event in [
        "follows APPL, the first to do so",
        "first user of APPL: subscribed to the channel",
        "of APPL -> 2 users",
        "nobody follows it, and a channel keeps nothing",
        "last user of APPL left: unsubscribed",
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
fn where_no_redis_is_it_says_how_to_start_one_and_goes_on() {
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
    assert!(shown.contains("docker run -d -p"), "{shown}");
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
fn bad_input_ends_it_with_code_2_and_a_word_of_advice() {
    for (flags, advice) in [
        (["--every", "soon"], "write for instance 500ms or 5s"),
        (
            ["--redis", "localhost"],
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
    }
}
