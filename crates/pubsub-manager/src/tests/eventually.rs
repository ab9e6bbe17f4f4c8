//! Waits for something outside this test's task, and fails with its name after the deadline.

use std::time::{Duration, Instant};

/// Far more than anything here needs, also on a machine that is busy with something else.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// Checks every ten milliseconds until `it_is_so`.
pub(super) async fn eventually(what: &str, mut it_is_so: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !it_is_so() {
        assert!(Instant::now() < until, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
