//! What the tests of this crate share. Each file under `tests/` is a process of its own, because
//! there is one manager in a process.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "every test file uses its own part of this, and a test may panic"
)]

pub(crate) mod client;
pub(crate) mod fixture;
pub(crate) mod fleet;
pub(crate) mod load;
