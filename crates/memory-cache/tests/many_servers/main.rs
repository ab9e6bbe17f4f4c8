//! One cache, many servers: what is pushed, and who loads when a copy ends.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod fleet;
#[path = "../support/mod.rs"]
mod support;
mod tracking;
