//! Time in which this process ran.
//!
//! A deadline that passes because all cores are busy proves nothing about the other end. On a machine with
//! two cores and 104 servers of 19,000 users each, the probes of every server were late, and two million
//! subscriptions were sent `stale`, although Redis worked.

use std::{future::Future, time::Duration};
use tokio::{select, time::sleep};

/// The longest that one pause of this process counts; a longer one means that it did not run.
const STEP: Duration = Duration::from_millis(100);

/// This process ran for longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut;

/// Waits for the future, at most until this process has run for the limit.
///
/// # Errors
/// [`TimedOut`]: the future was not ready by then, and is dropped.
pub async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, TimedOut> {
    select! {
        biased;
        output = future => Ok(output),
        () = running_for(limit) => Err(TimedOut),
    }
}

/// Waits until this process has run for this time.
pub async fn running_for(time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(STEP);
        sleep(step).await;
        left -= step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_while_the_process_runs() {
        let began = Instant::now();
        let limit = Duration::from_millis(250);
        assert_eq!(within(limit, pending::<()>()).await, Err(TimedOut));
        assert_eq!(began.elapsed(), limit);
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_in_which_the_process_did_not_run_counts_as_one_step() {
        let mut waiting = Box::pin(within(Duration::from_secs(1), pending::<()>()));
        for _ in 0..9 {
            poll_once(&mut waiting).await;
            advance(Duration::from_secs(3_600)).await;
        }
        assert!(poll_once(&mut waiting).await.is_none());
    }

    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
