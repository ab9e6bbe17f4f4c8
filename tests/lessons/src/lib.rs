//! What the lessons' tests share: they build the real programs, run them, and read what they say.
//!
//! Cargo tells a test where the programs of its *own* package are, and of no other; so
//! [`program`] asks cargo to build the one it names. `cargo test -p lesson-tests --test
//! lesson_10_singleton_game` demonstrates one lesson. Read that file next.

use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context;
use escargot::{CargoBuild, CargoRun};

/// What a program did.
#[derive(Debug)]
pub struct Told {
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
    /// How it ended.
    pub status: ExitStatus,
}

/// Builds the program of the package `name`.
///
/// # Errors
/// If cargo does; its words have been printed.
pub fn program(name: &str) -> anyhow::Result<CargoRun> {
    build(CargoBuild::new().package(name).bin(name))
}

/// Builds the example `name` of the package `package`.
///
/// # Errors
/// If cargo does; its words have been printed.
pub fn example(package: &str, name: &str) -> anyhow::Result<CargoRun> {
    build(CargoBuild::new().package(package).example(name))
}

/// Runs a program to its end, with `input` on stdin.
///
/// # Errors
/// If it cannot be started, or writes what is no text.
pub fn run(command: &mut Command, input: &str) -> anyhow::Result<Told> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    // A program that has read enough closes its end, and that is its right.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    Ok(Told {
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
        status: output.status,
    })
}

/// The line that a demonstration ends with, without its first word.
pub fn verdict(told: &Told) -> &str {
    let last = told.stdout.lines().last().unwrap_or_default();
    last.strip_prefix("verdict: ").unwrap_or(last)
}

fn build(what: CargoBuild) -> anyhow::Result<CargoRun> {
    Ok(what.current_release().run()?)
}
