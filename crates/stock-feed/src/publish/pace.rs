//! When the next prices may leave.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far publishing may fall behind its pace and still catch up, which evens out what timers and Redis
/// take. What is older than that is not caught up: after an idle minute a program's next prices would
/// otherwise leave as one burst.
pub(super) const MAX_CATCH_UP: Duration = Duration::from_millis(100);

/// Prices a second, kept on average.
#[derive(Debug)]
pub(super) struct Pace {
    /// Prices a second; 0 is as fast as Redis takes them.
    rate: f64,
    due: Option<Instant>,
}

impl Pace {
    pub(super) fn new(rate: f64) -> Self {
        Self { rate, due: None }
    }

    /// Prices a second; 0 is as fast as Redis takes them.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Waits until it is time for this many prices.
    pub(super) async fn wait(&mut self, prices: usize) {
        if self.rate == 0.0 {
            return;
        }
        let now = Instant::now();
        let earliest = now.checked_sub(MAX_CATCH_UP).unwrap_or(now);
        let due = self.due.map_or(now, |due| due.max(earliest));
        sleep_until(due).await;
        // The command line accepts no rate that is so slow that this would overflow.
        self.due = Some(due + Duration::from_secs_f64(prices as f64 / self.rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_an_idle_minute_prices_do_not_leave_as_one_burst() {
        let mut pace = Pace::new(10.0);
        pace.wait(1).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let started = Instant::now();
        for _ in 0..=10 {
            pace.wait(1).await;
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(1) - MAX_CATCH_UP, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_now_and_then_does_not_slow_the_pace() {
        let mut pace = Pace::new(100.0);
        let started = Instant::now();
        for n in 0..=100 {
            pace.wait(1).await;
            let takes = if n % 10 == 0 { 35 } else { 1 };
            tokio::time::advance(Duration::from_millis(takes)).await;
        }
        let took = started.elapsed().as_millis();
        assert!((1_000..1_040).contains(&took), "{took}");
    }
}
