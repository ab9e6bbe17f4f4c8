//! All demonstrations, one after the other, in the order of the pages.
//!
//! The commands are those that a page begins with, so the walk cannot leave a page out.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use program::Signals;
use program::supervisor::{Ask, Supervisor, Terms};
use tokio::process::Command;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

use crate::cargo::{cargo, forget_this_package};
use crate::page::Page;

/// What makes a demonstration go on until Ctrl-C: a walk that nobody watches would stay there.
const ENDLESS: [&str; 2] = ["stock-feed", "--forever"];

/// A demonstration that is interrupted has five seconds to print its verdict.
const TERMS: Terms = Terms {
    ask: Ask::Interrupt,
    grace: Duration::from_secs(5),
    memory: None,
};

/// A command that a page demonstrates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The title of its page, for instance `3. State in memory that needs …`.
    pub title: String,
    /// The words after `cargo`.
    pub arguments: Vec<String>,
    /// Whether it ends by itself.
    pub ends: bool,
}

/// How a demonstration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, and well.
    Well,
    /// With an exit code that is not 0.
    Badly,
    /// By Ctrl-C, as a program that does not end by itself.
    Interrupted,
}

/// The commands in the first block of each page that has one, each command once.
pub fn steps(pages: &[Page]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // The workbench's first servers fail, and are meant to: they are the reader's to mend.
    let is_shown = |page: &&Page| !page.file.starts_with('w');
    for page in pages.iter().filter(is_shown) {
        let mut blocks = page.text.split("```\n").skip(1).step_by(2);
        let block = blocks.find(|block| block.contains("cargo run "));
        let commands = block.into_iter().flat_map(str::lines);
        for command in commands.filter_map(|line| line.strip_prefix("cargo ")) {
            let arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
            // Two pages about one program share its demonstration.
            if steps.iter().all(|step| step.arguments != arguments) {
                steps.push(Step {
                    title: page.title.clone(),
                    ends: !arguments
                        .iter()
                        .any(|word| ENDLESS.contains(&word.as_str())),
                    arguments,
                });
            }
        }
    }
    steps
}

/// Walks through them. `enter` waits until the instructor wants the next one, and is false where no
/// more is wanted; without it they follow each other, and those that do not end are left out.
///
/// # Errors
/// A demonstration could not be started, or has failed; the others are shown all the same.
pub async fn walk(
    out: &mut impl Write,
    steps: &[Step],
    mut enter: Option<impl AsyncFnMut() -> bool>,
    mut run: impl AsyncFnMut(&Step) -> Result<Ended>,
) -> Result<()> {
    let mut failed = Vec::new();
    for (step, number) in steps.iter().zip(1..) {
        let command = format!("cargo {}", step.arguments.join(" "));
        let ends = match step.ends {
            true => "",
            false => "   (until Ctrl-C)",
        };
        writeln!(out, "\n[{number} of {}] {}", steps.len(), step.title)?;
        writeln!(out, "{command}{ends}")?;
        match &mut enter {
            Some(enter) => {
                write!(out, "Enter starts it, Ctrl-C ends the walk ")?;
                out.flush()?;
                if !enter().await {
                    writeln!(out)?;
                    break;
                }
            }
            None if !step.ends => {
                writeln!(out, "left out: it does not end by itself")?;
                continue;
            }
            None => {}
        }
        match run(step).await? {
            Ended::Well => {}
            Ended::Badly => failed.push(command),
            Ended::Interrupted if enter.is_none() => break,
            Ended::Interrupted => {}
        }
    }
    ensure!(failed.is_empty(), "it failed: {}", failed.join(", "));
    Ok(())
}

/// Runs a demonstration by cargo, on this terminal, so that it does not outlive this program.
///
/// # Errors
/// Cargo cannot be started.
pub async fn by_cargo(workspace: &Path, step: &Step) -> Result<Ended> {
    // The next Ctrl-C is for the next demonstration, so this program takes each and goes on.
    let mut signals = Signals::listen().context("cannot wait for signals")?;
    let mut command = Supervisor::this().command(cargo(), TERMS);
    command
        .arg("--quiet")
        .args(&step.arguments)
        .current_dir(workspace);
    forget_this_package(&mut command);
    let mut child = Command::from(command)
        .spawn()
        .context("cannot start cargo")?;
    let held = child.stdin.take();
    tokio::select! {
        status = child.wait() => Ok(match status?.success() {
            true => Ended::Well,
            false => Ended::Badly,
        }),
        () = signals.next() => {
            // Ctrl-C has reached this program only. The supervisor sends it on, and the demonstration
            // prints its verdict.
            drop(held);
            // Longer than the supervisor waits, which is not killed as long as it can end by itself.
            if timeout(2 * TERMS.grace, child.wait()).await.is_err() {
                child.kill().await?;
            }
            Ok(Ended::Interrupted)
        }
    }
}

/// The lines of standard input. They are read by a thread of their own: a runtime waits for its
/// tasks when it ends, and a read of a terminal cannot be called off.
pub fn enters() -> Receiver<()> {
    let (pressed, enters) = channel(1);
    thread::spawn(move || {
        let mut lines = io::stdin().lock().lines();
        while let Some(Ok(_)) = lines.next() {
            if pressed.blocking_send(()).is_err() {
                break;
            }
        }
    });
    enters
}
