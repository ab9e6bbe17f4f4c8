//! A log line for a kind of event that others can cause as often as they like.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts events of one kind, and says when a line about them is due: immediately, and then at most once
/// in ten seconds. Otherwise a publisher's mistakes, or a stranger's requests, could fill the disk.
#[derive(Debug, Default)]
pub struct RateLimitedLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since the last line.
    events: u64,
    logged_at: Option<Instant>,
}

impl RateLimitedLog {
    /// Counts an event. If a line is due, returns how many events it stands for.
    pub fn count(&self) -> Option<u64> {
        // Each step leaves the state whole, so a panic elsewhere has not broken it.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
