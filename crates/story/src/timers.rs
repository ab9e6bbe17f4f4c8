//! The lecture's two timers.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Two timers: one adds games, one looks, and neither waits for the other.
pub(crate) struct Timers {
    adds: Interval,
    looks: Interval,
}

/// The timer that is due.
pub(crate) enum Tick {
    Add,
    Look,
}

impl Timers {
    /// The first ticks are due after one period each.
    pub(crate) fn new(add_every: Duration, log_every: Duration) -> Self {
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            // Otherwise a process that was stopped with Ctrl-Z and continued would make up for each tick
            // that it missed: a hundred games in a row, and then a hundred looks.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        Self {
            adds: every(add_every),
            looks: every(log_every),
        }
    }

    /// Waits for the next tick.
    ///
    /// If both are due, either may be next. If games always went first, a logger beside a timer that is
    /// always due would never look.
    pub(crate) async fn next(&mut self) -> Tick {
        tokio::select! {
            _ = self.adds.tick() => Tick::Add,
            _ = self.looks.tick() => Tick::Look,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_stopped_does_not_make_up_for_the_ticks_that_it_missed() {
        let each = Duration::from_millis(100);
        let mut timers = Timers::new(each, each);
        advance(Duration::from_secs(10)).await;
        let (mut adds, mut looks) = (0, 0);
        while let Ok(tick) = timeout(each / 2, timers.next()).await {
            match tick {
                Tick::Add => adds += 1,
                Tick::Look => looks += 1,
            }
        }
        assert_eq!((adds, looks), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_logger_looks_however_often_games_are_added() {
        let mut timers = Timers::new(Duration::from_micros(10), Duration::from_millis(50));
        let (start, mut looks) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(1) {
            match timers.next().await {
                // The time that adding a game takes: the next game is due when it is added.
                Tick::Add => advance(Duration::from_millis(1)).await,
                Tick::Look => looks += 1,
            }
        }
        // Twenty are due. Each competes with an add that is always due too, and waits for a few of them.
        assert!(looks >= 10, "{looks}");
    }
}
