//! The command line: parses it, measures, and prints a table or JSON.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::bare_loop;
use crate::child;
use crate::compare::Compare;
use crate::conflate::Conflate;
use crate::fleet::Fleet;
use crate::machine;
use crate::plan::CapacityPlan;
use crate::report;
use crate::stop::{Stop, Stopped};
use crate::users::{Limit, Users};
use crate::worker_process;

/// The load generator and yardstick of the stock feed: real WebSocket users, up to a million of
/// them on one machine, and the physical limit to hold a server against.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Try:\n  \
        feed-load limit --users 1000                 what the kernel alone costs\n  \
        feed-load users --url ws://127.0.0.1:3000    users of a server that runs\n  \
        feed-load compare                            our server beside the limit, in one table\n  \
        feed-load fleet --servers 52 --users 1000000 a million users, one server killed\n  \
        feed-load fleet --cluster 3                  the same story over a Redis Cluster\n  \
        feed-load conflate                           a million prices a second at a pace\n  \
        feed-load plan --users 10000000 --stocks 8000 --updates 50000\n\n\
        Measure release builds: cargo build --release -p stock-feed -p feed-load.\n\
        Ctrl-C ends everything that was started."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Connects many users to a server and says what they saw and what it cost.
    Users(Users),
    /// Does the same to a bare loop of write(): the physical limit.
    Limit(Limit),
    /// Runs our server and the bare loop in turn and prints one table, rivals beside it.
    Compare(Compare),
    /// Starts many servers behind one Redis or a cluster, spreads users over them, kills one.
    Fleet(Fleet),
    /// Sends users one group of prices in a pace, and the same prices without one: what arrives, how old it
    /// is, and what it costs.
    #[command(after_help = "Try:\n  \
        feed-load conflate                           1,000,000 prices a second to 50,000 users\n  \
        feed-load conflate --users 5000 --length 5s  a quick look\n  \
        feed-load conflate --check                   does this machine have the descriptors?")]
    Conflate(Conflate),
    /// Says what a feed needs, from what was measured: servers, masters, cores, memory and network, and what
    /// breaks first. It starts nothing.
    Plan(CapacityPlan),
    /// The users of one process, commanded through standard input.
    #[command(hide = true)]
    Worker,
    /// A server that writes frames and does nothing else.
    #[command(hide = true)]
    BareLoop {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Becomes another program that dies with its parent.
    #[command(hide = true)]
    Guard {
        #[arg(long)]
        parent: u32,
        #[arg(long)]
        core: Option<usize>,
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}

/// Runs the program: exit code 2 for bad input, 130 after Ctrl-C, 1 for any other failure.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Stopped>() => {
            eprintln!("feed-load: stopped; everything it started has ended");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("feed-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Worker => worker_process::run(),
        Command::BareLoop { listen } => bare_loop::run(listen),
        Command::Guard {
            parent,
            core,
            program,
        } => child::guard(parent, core, &program),
        Command::Fleet(fleet) if fleet.check => fleet.check(),
        Command::Conflate(conflate) => {
            if let Some(contradiction) = conflate.contradiction() {
                refuse::<Conflate>("feed-load conflate", contradiction);
            }
            if conflate.check {
                return conflate.check();
            }
            let conflation = conflate.run(&prepare()?)?;
            print(conflate.json, &conflation, report::conflation)
        }
        Command::Users(users) => {
            let report = users.run(&prepare()?)?;
            print(users.load.json, &report, report::users)
        }
        Command::Limit(limit) => {
            let report = limit.run(&prepare()?)?;
            print(limit.load.json, &report, report::users)
        }
        Command::Compare(compare) => {
            let comparison = compare.run(&prepare()?)?;
            print(compare.json, &comparison, report::comparison)
        }
        Command::Plan(plan) => {
            if let Some(contradiction) = plan.contradiction() {
                refuse::<CapacityPlan>("feed-load plan", contradiction);
            }
            print(plan.json, &plan.run()?, report::plan)
        }
        Command::Fleet(fleet) => {
            let report = fleet.run(&prepare()?)?;
            print(fleet.json, &report, report::fleet)
        }
    }
}

/// Ends the program as clap does after bad input, for arguments that only together are wrong.
fn refuse<A: Args>(command: &'static str, contradiction: String) -> ! {
    A::augment_args(clap::Command::new(command))
        .error(ErrorKind::ArgumentConflict, contradiction)
        .exit()
}

fn prepare() -> anyhow::Result<Stop> {
    if cfg!(debug_assertions) {
        eprintln!("feed-load: a debug build is for tests; cargo run --release measures");
    }
    machine::raise_descriptors()?;
    Stop::on_signal()
}

fn print<T: Serialize>(json: bool, report: &T, table: fn(&T) -> String) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        println!("{}", table(report));
    }
    Ok(())
}
