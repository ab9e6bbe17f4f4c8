//! What is built before class.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lessons::page::{pages, workspace};
use lessons::warm::{commands, warm};

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_the_pages_run_and_test_is_built_each_as_the_class_will_type_it() {
    let commands = commands(&pages(&workspace()).unwrap()).unwrap();
    for command in [
        "build -p singleton-game --bins",
        "build -p stateless-server --bins",
        "build -p singleton-game --example static_count",
        "build -p reducer-game --example time_travel",
        "test -p lesson-tests --test lesson_10_singleton_game --no-run",
        "test -p naive-pubsub --test faults --no-run",
        "test -p memory-cache --test in_each_server --no-run",
        "build -p compile-fail --test inventory",
        "build -p workbench --bins",
        #[cfg(target_os = "linux")]
        "build --release -p stock-feed -p feed-load",
    ] {
        let found = commands.iter().filter(|words| words.join(" ") == command);
        assert_eq!(found.count(), 1, "{command} in {commands:?}");
    }
}

#[test]
fn each_is_named_with_its_seconds_and_what_failed_is_named_at_the_end() {
    let commands = [words("build -p one"), words("build -p two")];
    let mut out = Vec::new();
    let ended = warm(&mut out, &commands, |words| Ok(words[2] == "one"));
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("[ 1 of 2]    0.0 s  cargo build -p one\n"),
        "{out}"
    );
    assert!(out.ends_with("0.0 s  in all\n"), "{out}");
    assert_eq!(
        ended.unwrap_err().to_string(),
        "it failed: cargo build -p two"
    );
}
