//! Prices pour in faster than the machine can relay them.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::laps::Track;
use crate::latency::Percentiles;
use crate::progress;

/// What a flood did.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Flood {
    /// For how long prices poured in.
    pub seconds: f64,
    /// Prices published.
    pub published: u64,
    /// How many times faster than they could be relayed.
    pub times_too_fast: f64,
    /// Prices that arrived, over all users.
    pub deliveries: u64,
    /// Prices told as missed, over all users.
    pub missed: u64,
    /// Prices of which deliveries and missed do not tell.
    pub unaccounted: i64,
    /// Prices lost, doubled, miscounted or missed while stale on a single subscription.
    pub wrong: u64,
    /// Users without the newest price once the flood was over.
    pub without_newest: u64,
    /// Memory of the server before, at its highest, and at the end, in MiB.
    pub memory_mib: [f64; 3],
    /// How long the relay took to come round to a user again, in milliseconds.
    pub round_ms: Option<Percentiles>,
    /// How old the newest price was when a user read it, in milliseconds.
    pub newest_age_ms: Option<Percentiles>,
}

/// How many times more prices are published than arrive.
const TIMES: f64 = 10.0;

/// Publishes prices of the first stock for this long, ten times as many as arrive.
///
/// How many arrive is not known beforehand: under pressure prices leave together, and the faster
/// they come, the more each write carries. So it begins with `rate` a second, and follows what
/// the users report.
///
/// # Errors
/// When the server or a crowd ends, or Ctrl-C asks to.
pub fn run(
    track: &mut Track<'_>,
    users: usize,
    mut rate: f64,
    length: Duration,
) -> anyhow::Result<Flood> {
    let bar = progress::bar("the flood (seconds)", length.as_secs().max(1));
    track.crew.latencies()?;
    let before = track.crew.counts();
    let memory_before = track.meter.memory()?;
    let (mut highest, mut looked) = (memory_before, Instant::now());
    let (start, mut published, mut due) = (Instant::now(), 0_u64, 0.0);
    let mut arrived = before.deliveries;
    let mut paced = start;
    while start.elapsed() < length {
        due += rate * paced.elapsed().as_secs_f64();
        paced = Instant::now();
        // At most a few thousand in one pipeline, so that the clock is looked at again.
        let batch = (due as u64).saturating_sub(published).min(4_000);
        track.market.publish((0..batch).map(|_| 0))?;
        published += batch;
        track.crew.pass(Duration::from_millis(2))?;
        let since = looked.elapsed();
        if since > Duration::from_millis(500) {
            highest = highest.max(track.meter.memory()?);
            let now = track.crew.counts().deliveries;
            let each = (now - arrived) as f64 / users as f64 / since.as_secs_f64();
            rate = rate.max(TIMES * each);
            (arrived, looked) = (now, Instant::now());
            bar.set_position(start.elapsed().as_secs());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let latencies = track.crew.latencies()?;
    bar.finish_and_clear();
    let without_newest = track
        .crew
        .catch_up(track.market.newest(), Duration::from_secs(30))?;
    let memory_after = track.meter.memory()?;
    let counts = track.crew.counts() - before;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Flood {
        seconds,
        published,
        times_too_fast: published as f64 * users as f64 / (counts.deliveries.max(1)) as f64,
        deliveries: counts.deliveries,
        missed: counts.missed,
        unaccounted: (published * users as u64) as i64 - (counts.deliveries + counts.missed) as i64,
        wrong: counts.lost + counts.doubled + counts.miscounted + counts.missed_while_stale,
        without_newest,
        memory_mib: [memory_before, highest.max(memory_after), memory_after].map(mib),
        round_ms: latencies.rounds.percentiles(),
        newest_age_ms: latencies.newest.percentiles(),
    })
}
