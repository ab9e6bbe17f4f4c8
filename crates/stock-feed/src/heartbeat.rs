//! One task that looks after every user, instead of a timer in every user.
//!
//! Proxies end a connection on which the server has sent nothing for a while: nginx after 60 s by
//! default, many an HAProxy after 50 s. So a user to whom nothing was written for `--ping-every` is
//! sent a ping, and no other user is: a price resets a proxy's timer as well, and a million pings are not
//! free. `pulse.rs` has what it knows of each user.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::frame::CloseCode;
use crate::pulse::ROUNDS;
use crate::session::Session;
use crate::sessions::Sessions;

/// How many steps a round has. The work is spread, so that no price waits behind twenty thousand pings.
const STEPS: usize = 64;

/// How many users are visited before other tasks get their turn.
const SLICE: usize = 64;

/// Looks after every user, without end.
pub(crate) async fn run(app: &'static App) {
    beat(app.sessions, app.limits.ping_every, Session::beat).await;
}

async fn beat<S>(sessions: &'static Sessions<S>, ping_every: Duration, visit: impl Fn(&S)) {
    loop {
        round(sessions, ping_every / ROUNDS, &visit).await;
    }
}

/// Disconnects every user, spread over `time`: they all reconnect, to servers that have their own users to
/// serve. Returns sooner when no user is left. The caller has made sure that no permit is given any more.
pub(crate) async fn close_all(sessions: &'static Sessions, time: Duration) {
    let close = |session: &Session| {
        session.close(CloseCode::Restart, "this server restarts, come back");
    };
    tokio::select! {
        () = round(sessions, time, close) => {}
        // Without this, a server without users would take the whole drain time to end.
        () = sessions.emptied() => return,
    }
    // A user may have had its permit before the end and registered after its slot was visited: without a
    // second round it would get no close frame, and wait for its server until a timeout.
    round(sessions, Duration::ZERO, close).await;
}

/// Visits every user once, spread evenly over `time`.
async fn round<S>(sessions: &'static Sessions<S>, time: Duration, visit: impl Fn(&S)) {
    let mut ticks = interval((time / STEPS as u32).max(Duration::from_millis(1)));
    // After a pause (a laptop that slept) the steps that were missed must not all run at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for step in 0..STEPS {
        ticks.tick().await;
        // Counted again at each step: users come and go, and a slab never shrinks.
        let slots = sessions.slots();
        let (start, end) = (slots * step / STEPS, slots * (step + 1) / STEPS);
        for at in (start..end).step_by(SLICE) {
            for session in sessions.slice(at, SLICE.min(end - at)) {
                visit(&session);
            }
            // A step of twenty thousand users has three hundred. Prices go out in between.
            yield_now().await;
        }
    }
    // The last step takes its time as well: otherwise a round would be one step too short, and a ping
    // would be sent before `ping_every`.
    ticks.tick().await;
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::pulse::{Due, Pulse};

    const PING_EVERY: Duration = Duration::from_secs(25);

    /// A user without a socket.
    #[derive(Debug, Default)]
    struct User {
        pulse: Pulse,
        answers: bool,
        /// When something was written, and what.
        written: Mutex<Vec<(Instant, Due)>>,
    }

    impl User {
        fn write(&self, what: Due) {
            self.pulse.written();
            self.written.lock().push((Instant::now(), what));
        }

        fn beat(&self) {
            match self.pulse.due() {
                Due::Nothing => {}
                what => self.write(what),
            }
            if self.answers {
                self.pulse.on_received();
            }
        }

        fn was_sent(&self, what: Due) -> usize {
            let written = self.written.lock();
            written.iter().filter(|(_, sent)| *sent == what).count()
        }

        /// The times between two things that were written, and the last one and now.
        fn gaps(&self) -> Vec<(Duration, Due)> {
            let written = self.written.lock();
            let pairs = written.iter().zip(written.iter().skip(1));
            pairs
                .map(|((before, _), (after, what))| (*after - *before, *what))
                .collect()
        }
    }

    /// Keeps users connected for ten minutes; each is sent a price every so many seconds, if at all.
    async fn ten_minutes(answers: bool, price_every: &[Option<u64>]) -> Vec<Arc<User>> {
        let sessions: &Sessions<User> = Box::leak(Box::new(Sessions::new(1_000, None)));
        let mut users = Vec::new();
        for every in price_every {
            let user = Arc::new(User {
                answers,
                ..User::default()
            });
            let permit = sessions.permit(|| Ipv4Addr::LOCALHOST.into()).unwrap();
            permit.register(&user);
            std::mem::forget(permit);
            user.write(Due::Nothing);
            if let Some(every) = *every {
                let user = Arc::clone(&user);
                tokio::spawn(async move {
                    loop {
                        sleep(Duration::from_secs(every)).await;
                        user.write(Due::Nothing);
                    }
                });
            }
            users.push(user);
        }
        let beating = tokio::spawn(beat(sessions, PING_EVERY, User::beat));
        sleep(Duration::from_secs(600)).await;
        beating.abort();
        users
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_user_is_pinged_before_a_proxy_ends_its_connection() {
        let users = ten_minutes(true, &[None; 200]).await;
        for user in &users {
            assert!(user.was_sent(Due::Ping) >= 15);
            for (gap, _) in user.gaps() {
                assert!(gap >= PING_EVERY, "pinged after {gap:?} only");
                assert!(
                    gap <= PING_EVERY * 3 / 2 + Duration::from_secs(1),
                    "{gap:?}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_who_receives_prices_is_pinged_only_when_they_pause() {
        let users = ten_minutes(true, &[Some(1), Some(10), Some(24), Some(40), Some(300)]).await;
        for often in &users[..3] {
            assert_eq!(often.was_sent(Due::Ping), 0);
        }
        for seldom in &users[3..] {
            assert!(seldom.was_sent(Due::Ping) > 0);
            for (gap, what) in seldom.gaps() {
                assert!(what == Due::Nothing || gap >= PING_EVERY, "{gap:?}");
                assert!(gap < Duration::from_secs(50), "{gap:?} of silence");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_who_answers_no_ping_is_evicted_after_the_second() {
        let users = ten_minutes(false, &[None]).await;
        let sent: Vec<Due> = users[0]
            .written
            .lock()
            .iter()
            .map(|(_, what)| *what)
            .collect();
        assert_eq!(
            sent[..4],
            [Due::Nothing, Due::Ping, Due::Ping, Due::Eviction]
        );
    }
}
