//! The log of a program.

use std::env;
use std::io::{self, IsTerminal, Write};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Logs to stderr from `level` upwards, or by the filter in the variable `RUST_LOG`, for instance
/// `RUST_LOG=stock_feed=debug`. On a terminal it is coloured, unless `NO_COLOR` is set.
///
/// Standard output is for the output of the program `name`.
pub fn log_to_stderr(name: &str, level: LevelFilter) {
    let wanted = env::var_os("RUST_LOG").unwrap_or_default();
    let wanted = wanted.to_string_lossy();
    let targets = match wanted.parse::<Targets>() {
        Ok(targets) if !wanted.is_empty() => targets,
        parsed => {
            if let Err(error) = parsed {
                let _ = writeln!(
                    io::stderr(),
                    "{name}: RUST_LOG={wanted:?} is invalid ({error}): write for instance RUST_LOG=debug"
                );
            }
            Targets::new().with_default(level)
        }
    };
    let colours =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let lines = fmt::layer()
        .with_target(false)
        .with_ansi(colours)
        .with_writer(io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}
