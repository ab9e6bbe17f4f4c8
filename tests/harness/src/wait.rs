//! Waiting for what another process or another task does.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits before it fails: far more than anything needs, also on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two checks.
const PAUSE: Duration = Duration::from_millis(5);

/// Checks until `holds`, every five milliseconds; panics with `what` after [`TIMEOUT`].
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(PAUSE);
    }
}

/// Like [`until`], for a test whose other tasks have to run meanwhile.
#[cfg(feature = "async")]
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
