//! A checker for servers that students write: it looks for the shortest story that breaks a rule.
//!
//! The pages of the course prove, and the reader watches. Here the reader writes the server, and the
//! checker attacks it: with every short story of subscriptions, slow links and crashes, then with random
//! ones. Without it, a server that works at the desk looks right. `cargo run -p workbench -- --help`
//! lists the challenges, and `cargo run -p workbench --example relay` checks the first server that
//! everybody writes. Read `story.rs` next, then `world.rs`.

#[allow(
    missing_docs,
    reason = "the fields of a protocol are described at its variants"
)]
pub mod challenge;
mod check;
mod figure;
mod host;
pub mod level;
mod random;
pub mod search;
pub mod shrink;
pub mod story;
mod wording;
pub mod words;
pub mod world;

pub use challenge::network::{Fate, Line, Net, When};
pub use challenge::{Challenge, cache, instance, moves, relay, rooms, slow};
pub use check::check;
pub use host::{Host, InProcess, Processes, Server, Trouble};

use std::process::ExitCode;

use clap::Parser;

/// Checks this server, in this process: tells it stories, and prints the shortest that breaks a rule.
#[derive(Parser)]
#[command(after_help = EXIT_CODES)]
struct Flags {
    #[command(flatten)]
    options: search::Options,
    /// Be a server: read a line of JSON, write a line of JSON
    #[arg(long)]
    serve: bool,
}

/// What the exit codes mean, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes: 0: every rule holds. 1: a rule is broken. 2: nothing was checked, or not all.";

/// The `main` of a server in Rust: checks it in this process; with `--serve` it speaks the protocol.
pub fn run<C: Challenge, S: Server<C>>(make: impl Fn() -> S) -> ExitCode {
    let flags = Flags::parse();
    if flags.serve {
        host::serve::<C, S>(make);
        return ExitCode::SUCCESS;
    }
    let program = std::env::args().next().unwrap_or_default();
    let mut host = InProcess::new(make).or_alone(vec![program.clone(), "--serve".to_owned()]);
    let again = match program.rsplit_once("/examples/") {
        Some((_, example)) => format!("cargo run -p workbench --example {example} --"),
        None => program,
    };
    check::<C>(&flags.options, &mut host, (&again, ""))
}
