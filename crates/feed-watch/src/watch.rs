//! The loop around the connections: connect, print, wait, and again.

use std::io;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use hub::Stock;
use tokio::time::sleep;

use crate::connection::connect_and_print;
use crate::feed_url::FeedUrl;
use crate::screen::Screen;

/// The waits before it reconnects: half a second to one at first, then twice as long each time, up to
/// 15 s. The random half is there so that the users of a server that fell over do not all reconnect in
/// the same moment.
const WAITS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_millis(7_500))
    .with_jitter()
    .without_max_times();

/// A connection that lasted this long was good: the next wait is a short one again.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// Prints the prices of stocks: prices to the standard output, everything else to the standard error.
/// Does not return while what it prints is read; the caller decides when it ends.
///
/// # Errors
/// What was printed cannot be written. A reader that has left ([`io::ErrorKind::BrokenPipe`], as after
/// `| head`) has seen enough, and is not an error.
pub async fn watch(feed: &FeedUrl, stocks: &[Stock]) -> io::Result<()> {
    match watch_until_it_cannot_print(feed, stocks).await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

async fn watch_until_it_cannot_print(feed: &FeedUrl, stocks: &[Stock]) -> io::Result<()> {
    let mut screen = Screen::new(stocks);
    let mut waits = WAITS.build();
    loop {
        let started = Instant::now();
        let reason = connect_and_print(feed, stocks, &mut screen).await?;
        // Reset here and not when a connection is made: a server that accepts and closes at once would
        // otherwise be asked twice a second by every client it ever had.
        if started.elapsed() > GOOD_AFTER {
            waits = WAITS.build();
        }
        let wait = waits.next().expect("the waits have no end");
        screen.note(&format!(
            "{reason}; trying again in {:.1} s",
            wait.as_secs_f64()
        ));
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_differ_and_have_an_end() {
        let most = [1.0, 2.0, 4.0, 8.0, 15.0, 15.0];
        for _ in 0..100 {
            for (wait, most) in WAITS.build().zip(most) {
                let wait = wait.as_secs_f64();
                assert!((most / 2.0..=most).contains(&wait), "{wait} of {most}");
            }
        }
        let [one, other] = [WAITS, WAITS].map(|waits| waits.build().take(4).collect::<Vec<_>>());
        assert_ne!(one, other, "chance has a part in it");
    }
}
