//! A program as the first process of a container ends at SIGTERM, with its verdict.

#![cfg(target_os = "linux")]

use std::process::Command;

use harness::terminated_as_process_1;
use lesson_tests::program;

#[test]
fn sigterm_ends_a_program_that_is_process_1_with_its_verdict() {
    for (name, flags) in [
        ("singleton-game", &["--forever"][..]),
        ("module-store", &["--add-every", "1h"]),
        ("naive-pubsub", &["--every", "1h"]),
    ] {
        let built = program(name).expect("cargo builds it");
        let Some(ended) = terminated_as_process_1(Command::new(built.path()).args(flags)) else {
            return;
        };
        let stdout = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{name}: {ended:?}");
        assert!(stdout.contains("\nverdict: "), "{name}: {stdout}");
    }
}
