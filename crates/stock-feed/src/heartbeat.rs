//! One task that looks after every user, instead of a timer in every user.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::frame::CloseCode;
use crate::roster::Roster;

/// In how many steps a round is walked: the work is spread, so that no price waits behind
/// twenty thousand pings.
const STEPS: u32 = 64;

/// How many users are looked after before others get their turn.
const STRETCH: usize = 64;

/// Visits every user twice in each `ping_every`, for ever.
pub(crate) async fn beat(app: &'static App) {
    let step = (app.limits.ping_every / 2 / STEPS).max(Duration::from_millis(1));
    let mut ticks = interval(step);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        for step in 0..STEPS as usize {
            ticks.tick().await;
            let places = app.roster.places();
            let share = |step: usize| places * step / STEPS as usize;
            walk(app.roster, share(step), share(step + 1)).await;
        }
    }
}

async fn walk(roster: &'static Roster, start: usize, end: usize) {
    for at in (start..end).step_by(STRETCH) {
        for session in roster.stretch(at, STRETCH.min(end - at)) {
            session.beat();
        }
        yield_now().await;
    }
}

/// Sends every user away, spread over `time`: they all come back at once, to servers that have
/// their own users to serve.
pub(crate) async fn farewell(roster: &'static Roster, time: Duration) {
    let mut ticks = interval((time / STEPS).max(Duration::from_millis(1)));
    for step in 0..STEPS as usize {
        ticks.tick().await;
        let places = roster.places();
        let share = |step: usize| places * step / STEPS as usize;
        for session in roster.stretch(share(step), share(step + 1) - share(step)) {
            session.goodbye(CloseCode::Restart, "this server restarts, come back");
        }
        if roster.len() == 0 {
            return;
        }
    }
}
