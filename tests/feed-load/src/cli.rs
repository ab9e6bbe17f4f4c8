//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::{Parser, Subcommand};

use crate::compare::Compare;
use crate::fleet::Fleet;
use crate::users::{Limit, Users};

/// The load generator and yardstick of the stock feed: real WebSocket users, up to a million of
/// them on one machine, and the physical limit to hold a server against.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Try:\n  \
        feed-load limit --users 1000                 what the kernel alone costs\n  \
        feed-load users --url ws://127.0.0.1:3000    users of a server that runs\n  \
        feed-load compare                            our server beside the limit, in one table\n  \
        feed-load fleet --servers 52 --users 1000000 a million users, one server killed\n\n\
        Measure release builds: cargo build --release -p stock-feed -p feed-load.\n\
        Ctrl-C ends everything that was started."
)]
pub struct Cli {
    /// What to measure.
    #[command(subcommand)]
    pub command: Command,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connects many users to a server and says what they saw and what it cost.
    Users(Users),
    /// Does the same to a bare loop of write(): the physical limit.
    Limit(Limit),
    /// Runs our server and the bare loop in turn and prints one table, rivals beside it.
    Compare(Compare),
    /// Starts many servers behind one Redis, spreads users over them, kills one.
    Fleet(Fleet),
    /// The users of one process, commanded through standard input.
    #[command(hide = true)]
    Crowd,
    /// The bare loop; prices come through standard input.
    #[command(hide = true)]
    BareLoop {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Becomes another program that dies with its parent.
    #[command(hide = true)]
    Guard {
        /// The parent.
        #[arg(long)]
        parent: u32,
        /// The core to run on.
        #[arg(long)]
        core: Option<usize>,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}
