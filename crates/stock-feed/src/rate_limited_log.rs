//! A log line for a kind of event that a stranger can cause as often as he likes.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The shortest time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts events of one kind, and says when a line about them is due: at once, and then at most
/// once in ten seconds, so that no stranger can fill this server's disk.
#[derive(Debug, Default)]
pub(crate) struct RateLimitedLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    events: u64,
    logged_at: Option<Instant>,
}

impl RateLimitedLog {
    /// Counts an event. If a line is due, returns how many events it stands for.
    pub(crate) fn count(&self) -> Option<u64> {
        let mut state = self.0.lock();
        state.events += 1;
        let now = Instant::now();
        if state.logged_at.is_some_and(|at| now - at < INTERVAL) {
            return None;
        }
        state.logged_at = Some(now);
        Some(std::mem::take(&mut state.events))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_events_in_a_second_are_one_line_and_then_one_about_the_rest() {
        let log = RateLimitedLog::default();
        assert_eq!(log.count(), Some(1));
        for _ in 0..1_000 {
            assert_eq!(log.count(), None);
        }
        advance(INTERVAL).await;
        assert_eq!(log.count(), Some(1_001));
    }
}
