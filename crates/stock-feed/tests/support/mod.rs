//! What the tests of this crate share. Each file under `tests/` is a process of its own, because
//! there is one manager in a process.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "every test file uses its own part of this, and a test may panic"
)]

#[cfg(unix)]
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod fleet;
pub(crate) mod house;
pub(crate) mod load;
#[cfg(unix)]
pub(crate) mod proxy;
#[path = "../../../pubsub-manager/tests/support/redis_server.rs"]
pub(crate) mod redis_server;

use std::time::{Duration, Instant};

/// How long a test waits for what must happen before it says that it did not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until the answer is yes.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
