//! What every program of this workspace needs and no lesson is about.
//!
//! If each program had a copy, they would differ: eight decided when a broken pipe is not a failure, four
//! waited for SIGTERM, and four did not, so a container could not stop them. Press Ctrl-C in
//! `cargo run -p singleton-game -- --forever` to see both. Read [`asked_to_end`] first, then [`report`];
//! for a server go on with `http.rs`.
//!
//! It is light on purpose: without features it is std and tokio. `http` is for servers, `log` for
//! programs that log, `server` for demonstrations that start servers, `supervisor` for programs whose children must
//! not outlive them.

// How a program ends.
mod exit;
mod signals;
mod stdin_closed;

// What it starts, and what ends with it.
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "supervisor")]
pub mod supervisor;

// Where a server listens.
mod address;
#[cfg(feature = "http")]
mod descriptors;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
mod listener;
#[cfg(feature = "http")]
pub mod origin;

// What a program that runs for a long time logs, and how it measures a deadline.
#[cfg(feature = "log")]
mod log;
mod rate_limited_log;
mod running_time;

pub use address::address;
#[cfg(feature = "http")]
pub use descriptors::raise_descriptor_limit;
pub use exit::{BadInput, report};
#[cfg(feature = "http")]
pub use listener::bind_next_free;
#[cfg(feature = "log")]
pub use log::log_to_stderr;
pub use rate_limited_log::RateLimitedLog;
pub use running_time::{TimedOut, running_for, within};
pub use signals::{Signals, asked_to_end};
pub use stdin_closed::stdin_closed;
