//! One task that looks after every user, instead of a timer in every user.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::frame::CloseCode;
use crate::roster::Roster;
use crate::session::Session;

/// In how many steps a round is walked: the work is spread, so that no price waits behind
/// twenty thousand pings.
const STEPS: usize = 64;

/// How many users are visited before others get their turn.
const STRETCH: usize = 64;

/// Looks after every user twice in each `ping_every`, for ever.
pub(crate) async fn beat(app: &'static App) {
    loop {
        round(app.roster, app.limits.ping_every / 2, Session::beat).await;
    }
}

/// Sends every user away, spread over `time`: they all come back, to servers that have their
/// own users to serve. Ends sooner when nobody is left. No seat may be given any more.
pub(crate) async fn farewell(roster: &'static Roster, time: Duration) {
    let goodbye = |session: &Session| {
        session.goodbye(CloseCode::Restart, "this server restarts, come back");
    };
    tokio::select! {
        () = round(roster, time, goodbye) => {}
        () = roster.emptied() => return,
    }
    // Somebody may have had a seat and not sat down yet when the walk came by.
    round(roster, Duration::ZERO, goodbye).await;
}

/// Visits every user once, spread evenly over `time`.
async fn round(roster: &'static Roster, time: Duration, visit: impl Fn(&Session)) {
    let mut ticks = interval((time / STEPS as u32).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for step in 0..STEPS {
        ticks.tick().await;
        let places = roster.places();
        let (start, end) = (places * step / STEPS, places * (step + 1) / STEPS);
        for at in (start..end).step_by(STRETCH) {
            for session in roster.stretch(at, STRETCH.min(end - at)) {
                visit(&session);
            }
            yield_now().await;
        }
    }
}
