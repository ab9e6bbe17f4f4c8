//! Before class: what the class will run is built, each command alone, as the class will type it.
//!
//! `cargo test --no-run` is not enough: cargo builds a dependency anew for each set of its features, and
//! `cargo run -p singleton-game` asks for fewer of tokio's than the workspace does.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::cargo::{cargo, forget_this_package};
use crate::demo::steps;
use crate::page::Page;
use crate::try_it::changes;

/// The words after `cargo` that build what the book's Check compares a program with.
pub const CHECK: [&str; 5] = ["build", "-p", "compile-fail", "--test", "inventory"];

/// The words after `cargo` that build what the pages of the challenges run.
const CHALLENGES: [&str; 4] = ["build", "-p", "workbench", "--bins"];

/// The words after `cargo` that build each demonstration, each test that the pages name, what the book's Try and
/// Check need, and what a page builds by a command of its own.
///
/// # Errors
/// A page has a change that does not say what it leads to.
pub fn commands(pages: &[Page]) -> Result<Vec<Vec<String>>> {
    let demonstrations = steps(pages).into_iter().map(|step| {
        let mut words = step.arguments;
        "build".clone_into(&mut words[0]);
        // What stands behind is for the program; without an example it is the program that is run.
        match words.iter().position(|word| word == "--example") {
            Some(at) => words.truncate(at + 2),
            None => {
                words.truncate(3);
                words.push("--bins".to_owned());
            }
        }
        words
    });
    let quoted = pages.iter().flat_map(|page| page.text.split('`'));
    let tests = quoted
        .filter(|code| code.starts_with("cargo test -p "))
        .map(|code| {
            let words = code.split_whitespace().skip(1).map(str::to_owned);
            let mut words: Vec<String> = words.take_while(|word| word != "--").collect();
            words.push("--no-run".to_owned());
            words
        });
    // What a page has built by itself: the release build of lesson 13d, whose yardstick is for Linux only.
    let lines = pages.iter().flat_map(|page| page.text.lines());
    let built = lines
        .filter(|line| line.starts_with("cargo build "))
        .filter(|line| cfg!(target_os = "linux") || !line.contains("feed-load"))
        .map(|line| line.split(' ').skip(1).map(str::to_owned).collect());
    let mut tried = vec![
        CHECK.map(str::to_owned).to_vec(),
        CHALLENGES.map(str::to_owned).to_vec(),
    ];
    for page in pages {
        for change in changes(page)? {
            let words = change.command()?.into_iter();
            let mut words: Vec<String> = words.take_while(|word| word != "--").collect();
            // The other changes are in programs that are built above.
            if words[0] == "test" {
                words.push("--no-run".to_owned());
                tried.push(words);
            }
        }
    }
    let mut commands: Vec<Vec<String>> = Vec::new();
    for words in demonstrations.chain(tests).chain(tried).chain(built) {
        if !commands.contains(&words) {
            commands.push(words);
        }
    }
    Ok(commands)
}

/// Runs them, and says how long each took; `run` is cargo.
///
/// # Errors
/// One of them failed; the others are built all the same.
pub fn warm(
    out: &mut impl Write,
    commands: &[Vec<String>],
    mut run: impl FnMut(&[String]) -> Result<bool>,
) -> Result<()> {
    let mut failed = Vec::new();
    let mut all = Duration::ZERO;
    for (words, number) in commands.iter().zip(1..) {
        let command = format!("cargo {}", words.join(" "));
        let began = Instant::now();
        let is_built = run(words)?;
        let took = began.elapsed();
        all += took;
        let (seconds, count) = (took.as_secs_f64(), commands.len());
        writeln!(out, "[{number:>2} of {count}] {seconds:>6.1} s  {command}")?;
        if !is_built {
            failed.push(command);
        }
    }
    writeln!(out, "{:>17.1} s  in all", all.as_secs_f64())?;
    ensure!(failed.is_empty(), "it failed: {}", failed.join(", "));
    Ok(())
}

/// Runs cargo with these words on this terminal, and says whether all went well.
///
/// # Errors
/// Cargo cannot be started.
pub fn by_cargo(workspace: &Path, words: &[String]) -> Result<bool> {
    let mut command = Command::new(cargo());
    command.arg("--quiet").args(words).current_dir(workspace);
    forget_this_package(&mut command);
    Ok(command.status().context("cannot start cargo")?.success())
}
