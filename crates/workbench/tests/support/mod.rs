//! Runs the checker as a user does.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod right;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// What a run printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the checker with these arguments, in a folder of its own.
pub(crate) fn workbench(arguments: &[&str]) -> Run {
    run(Path::new(env!("CARGO_BIN_EXE_workbench")), arguments)
}

/// Runs the first server of a challenge in Rust.
pub(crate) fn example(name: &str, arguments: &[&str]) -> Run {
    let workbench = Path::new(env!("CARGO_BIN_EXE_workbench"));
    let folder = workbench.parent().expect("programs are in a folder");
    run(&folder.join("examples").join(name), arguments)
}

fn run(program: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder())
        .output()
        .expect("cargo has built it");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Where the checker runs: it writes `target/workbench` there. Each test has a folder of its own.
pub(crate) fn folder() -> PathBuf {
    let test = thread::current().name().unwrap_or("main").replace(':', "_");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("workbench")
        .join(test);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// A file of this crate.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether Node is there.
pub(crate) fn has_node() -> bool {
    harness::is_installed("node", "--version", "apt-get install nodejs npm")
}
