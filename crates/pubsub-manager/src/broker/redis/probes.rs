//! Messages of our own, each with a number.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::watch;

/// The probes of one connection: how many were published, and which was delivered last.
#[derive(Default)]
pub(crate) struct Probes {
    /// Counted by the manager's task.
    published: AtomicU64,
    /// The number that was delivered last. Written by the connection's own task; the manager's task
    /// waits for the number of its probe. A probe that timed out may be delivered a moment later: a
    /// signal without a number would be kept, and taken for the delivery of the next probe, over a
    /// connection that may be deaf by then.
    delivered: watch::Sender<u64>,
}

impl Probes {
    /// The number of a new probe, which is its message.
    pub(crate) fn next(&self) -> u64 {
        1 + self.published.fetch_add(1, Relaxed)
    }

    /// A message came on our own channel. Any client may publish there: what is not a number is ignored.
    pub(crate) fn deliver(&self, message: &[u8]) {
        if let Ok(message) = str::from_utf8(message)
            && let Ok(number) = message.parse()
        {
            self.delivered.send_replace(number);
        }
    }

    /// Waits for the delivery of a probe or of a later one, which proves the same.
    pub(crate) async fn delivered(&self, number: u64) {
        let mut delivered = self.delivered.subscribe();
        let waited = delivered.wait_for(|last| *last >= number).await;
        waited.expect("the sender is a field of ours");
    }
}
