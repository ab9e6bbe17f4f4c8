//! Lesson 7b: one per process, per version, per library, per thread, per runtime, per test, per function.
//!
//! Two versions of a crate are in a file of their own, and two dynamic libraries in `lessons/two-libraries`,
//! because they need `unsafe`.

use std::process::Command;

use lesson_tests::{Output, each_prints_what_is_said, run, workspace};

#[test]
fn each_program_of_the_page_prints_what_the_page_says() {
    let named = each_prints_what_is_said("07b-one-per-what.md", "statics");
    assert_eq!(named, ["per_function", "per_runtime", "per_thread"]);
    let named = each_prints_what_is_said("07b-one-per-what.md", "singleton-game");
    assert_eq!(named, ["two_processes"]);
}

#[test]
fn a_pool_in_a_static_fails_in_the_second_test_of_a_process() {
    // One process for both tests, as `cargo test` does.
    let output = tested(&["--test-threads=1"]);
    assert!(
        output
            .stdout
            .contains("test tests::asha_gets_an_answer ... ok\n"),
        "{output:?}"
    );
    assert!(
        output
            .stdout
            .contains("test tests::bo_gets_an_answer ... FAILED\n"),
        "{output:?}"
    );
    let reason = r#"Err("the connection's task is gone")"#;
    assert!(output.stdout.contains(reason), "{output:?}");
}

#[test]
fn each_of_these_tests_passes_in_a_process_of_its_own() {
    // One process for each test, as nextest does: its documentation names `--exact`.
    for user in ["asha", "bo"] {
        let output = tested(&["--exact", &format!("tests::{user}_gets_an_answer")]);
        assert!(output.stdout.contains(" 1 passed; 0 failed;"), "{output:?}");
    }
}

/// Runs the tests of the example `per_runtime` with these arguments.
fn tested(arguments: &[&str]) -> Output {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([
            "test",
            "--offline",
            "-p",
            "statics",
            "--example",
            "per_runtime",
            "--",
        ])
        .args(arguments)
        .env_remove("RUST_BACKTRACE")
        .current_dir(workspace());
    run(&mut cargo, "").expect("cargo can be started")
}
