//! The cargo that this program starts: what it is told, and that it does not outlive this program.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::TIMEOUT;
use tempfile::TempDir;

/// A program in the place of cargo.
fn fake_cargo(folder: &TempDir, script: &str) -> PathBuf {
    let path = folder.path().join("cargo");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// `lessons`, as cargo runs it.
fn lessons(cargo: &Path, words: &[&str]) -> Command {
    let mut lessons = Command::new(env!("CARGO_BIN_EXE_lessons"));
    lessons.args(words).env("CARGO", cargo);
    lessons
        .env("CARGO_PKG_NAME", "lessons")
        .env("CARGO_MANIFEST_DIR", "/crates/lessons")
        .env("CARGO_TERM_QUIET", "true");
    lessons.stdin(Stdio::null()).stdout(Stdio::null());
    lessons
}

#[test]
fn an_inner_cargo_is_told_nothing_about_the_package_of_the_book() {
    for words in [["warm"].as_slice(), &["demo", "--auto"]] {
        let folder = TempDir::new().unwrap();
        let said = folder.path().join("said");
        let cargo = fake_cargo(&folder, &format!("env >> {}", said.display()));
        assert!(lessons(&cargo, words).status().unwrap().success());
        let said = fs::read_to_string(&said).unwrap();
        assert!(said.contains("\nCARGO_TERM_QUIET=true\n"), "{said}");
        for name in ["CARGO_PKG_", "CARGO_MANIFEST_"] {
            assert!(!said.contains(name), "{words:?}: {said}");
        }
    }
}

#[test]
fn a_demonstration_does_not_outlive_a_walk_that_is_killed() {
    let folder = TempDir::new().unwrap();
    let pid = folder.path().join("pid");
    let script = format!(
        "trap '' INT TERM; echo $$ > {0}.new; mv {0}.new {0}; while :; do sleep 1; done",
        pid.display()
    );
    let cargo = fake_cargo(&folder, &script);
    let mut walk: Child = lessons(&cargo, &["demo", "--auto"]).spawn().unwrap();
    let number = until(|| fs::read_to_string(&pid).ok());
    let process = Path::new("/proc").join(number.trim());
    assert!(process.exists());
    walk.kill().unwrap();
    walk.wait().unwrap();
    until(|| (!process.exists()).then_some(()));
}

fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain");
        thread::sleep(Duration::from_millis(10));
    }
}
