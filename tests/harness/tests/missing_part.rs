//! What a test reports whose part is not installed.

use std::process::{Command, Output};

use harness::is_installed;

const NEEDS_A_PART: &str = "a_test_that_needs_a_part_which_nobody_has";

#[test]
#[ignore = "the other tests run it"]
fn a_test_that_needs_a_part_which_nobody_has() {
    assert!(!is_installed("no-such-program", "--version", "build it"));
}

/// That test in a process of its own, because it reads the variable `CI`.
fn run(ci: Option<&str>) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command
        .args(["--ignored", "--exact", NEEDS_A_PART])
        .env_remove("CI");
    if let Some(ci) = ci {
        command.env("CI", ci);
    }
    command.output().expect("it is this very program")
}

#[test]
fn a_skipped_test_is_reported_although_libtest_hides_what_a_passing_test_prints() {
    let skipped = run(None);
    assert!(skipped.status.success());
    assert_eq!(
        String::from_utf8_lossy(&skipped.stderr),
        "SKIPPED: no-such-program is not installed: build it\n"
    );
}

#[test]
fn in_ci_a_missing_part_is_a_failure() {
    let failed = run(Some("true"));
    assert!(!failed.status.success());
    let output = String::from_utf8_lossy(&failed.stdout);
    assert!(
        output.contains("in CI no test is skipped: build it"),
        "{output}"
    );
}
