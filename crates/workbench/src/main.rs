//! `workbench relay -- node my-relay.js`: checks a server that is another program.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use workbench::{Challenge, EXIT_CODES, Processes, check, search};
use workbench::{cache, instance, moves, relay, rooms, slow};

/// Checks a server that you wrote: looks for the shortest story that breaks a rule, and prints it.
///
/// Your server reads a line of JSON for each event and answers with a line: a list of actions. lessons/w0-workbench.md
/// explains it, crates/workbench/typescript has first servers to start from, and examples/ has them in Rust:
///
///   cargo run -p workbench -- relay -- node crates/workbench/typescript/out/relay.js
///   cargo run -p workbench --example relay
#[derive(Parser)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
struct Flags {
    /// The challenge
    challenge: Name,
    #[command(flatten)]
    options: search::Options,
    /// The command that starts your server, after `--`
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Two servers, one database: a move that is sent twice is played once (lesson 1)
    Moves,
    /// A copy of the game in each server (lesson 2)
    Cache,
    /// One room, and two servers that may hold it (lessons 3 and 4)
    Rooms,
    /// Two servers, one list of games (lessons 5 to 10)
    Instance,
    /// One connection to the broker for all users (lessons 11 and 12a)
    Relay,
    /// The newest price for a slow user, and how many were missed (lesson 13a)
    Slow,
}

fn run<C: Challenge>(flags: &Flags) -> ExitCode {
    let mut host = Processes::new(flags.command.clone());
    let before = format!("cargo run -p workbench -- {}", C::NAME);
    let after = format!(" -- {}", flags.command.join(" "));
    check::<C>(&flags.options, &mut host, (&before, &after))
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match flags.challenge {
        Name::Moves => run::<moves::Moves>(&flags),
        Name::Cache => run::<cache::Cache>(&flags),
        Name::Rooms => run::<rooms::Rooms>(&flags),
        Name::Instance => run::<instance::Instance>(&flags),
        Name::Relay => run::<relay::Relay>(&flags),
        Name::Slow => run::<slow::Slow>(&flags),
    }
}
