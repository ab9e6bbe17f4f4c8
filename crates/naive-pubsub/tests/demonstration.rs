//! Lesson 11: the program as a learner runs it.

use std::process::{Command, Output};

fn play(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_naive-pubsub"))
        .args(flags)
        .output()
        .expect("cargo has built the program")
}

#[test]
fn it_ends_by_itself_with_a_verdict_that_counts_the_faults() {
    let played = play(&["--every", "0s"]);
    assert!(
        played.status.success(),
        "a demonstration of a mistake is not a failure"
    );
    let shown = String::from_utf8(played.stdout).unwrap();
    let faults = shown
        .lines()
        .filter(|line| line.contains("FAULT: "))
        .count();
    assert_eq!(faults, 9, "{shown}");
    let last = shown.lines().last();
    assert_eq!(last, Some("verdict: 9 faults in one manager"));
    for counted in [
        "    5  prices that no one received",
        "    1  price sent twice",
        "    1  message sent that was not a price",
        "    1  stock that can never be subscribed again",
        "    4  dead entries in the manager's map",
    ] {
        assert!(shown.contains(counted), "{counted} is missing in:\n{shown}");
    }
    for line in shown.lines() {
        assert!(line.len() <= 80, "wider than a projector shows: {line}");
    }
    assert!(shown.is_ascii(), "a projector and any terminal can show it");
}

#[test]
fn each_scene_shows_the_map_that_the_fault_leaves_behind() {
    let shown = String::from_utf8(play(&["--every", "0s"]).stdout).unwrap();
    for state in [
        "[asha, asha]",
        "TSLA: []",
        "NFLX: undefined",
        "MSFT: 1000 users",
    ] {
        assert!(shown.contains(state), "{state} is missing in:\n{shown}");
    }
}

#[test]
fn two_runs_do_not_differ() {
    assert_eq!(
        play(&["--every", "0s"]).stdout,
        play(&["--every", "0s"]).stdout
    );
}

#[test]
fn a_pause_that_is_not_a_time_is_invalid_input_and_the_message_says_what_to_write() {
    let refused = play(&["--every", "soon"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains("--every") && message.contains("soon"),
        "{message}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_a_failure_and_named() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_naive-pubsub"))
        .args(["--every", "0s"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let message = String::from_utf8(ended.stderr).unwrap();
    assert!(message.contains("cannot print the scenes"), "{message}");
}
