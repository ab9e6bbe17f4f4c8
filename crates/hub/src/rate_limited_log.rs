//! A log line for a kind of event that may come a million times a second.

use std::time::Duration;
use tokio::time::Instant;

/// The shortest time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// Logs one kind of event at most once in ten seconds, with how many there were: a publisher's
/// mistakes must not fill this server's disk.
pub(crate) struct RateLimitedLog {
    kind: &'static str,
    events: u64,
    logged_at: Option<Instant>,
}

impl RateLimitedLog {
    /// A log for one kind of event, named in the plural.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            events: 0,
            logged_at: None,
        }
    }

    /// Counts an event, and logs it when it is time; then it returns how many events that line
    /// stands for.
    pub(crate) fn note(&mut self, latest: &str) -> Option<u64> {
        self.events += 1;
        let now = Instant::now();
        if self.logged_at.is_some_and(|at| now - at < INTERVAL) {
            return None;
        }
        self.logged_at = Some(now);
        let events = std::mem::take(&mut self.events);
        tracing::warn!(events, latest, "{}", self.kind);
        Some(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_events_is_logged_once_in_ten_seconds() {
        let mut log = RateLimitedLog::new("tests");
        assert_eq!(log.note("first"), Some(1));
        for _ in 0..1_000 {
            assert_eq!(log.note("more"), None);
        }
        advance(INTERVAL).await;
        assert_eq!(log.note("last"), Some(1_001));
    }
}
