//! Prices are published faster than the machine can deliver them.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::latency::Percentiles;
use crate::progress;
use crate::rounds::Subject;

/// What a flood did.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Flood {
    pub(crate) seconds: f64,
    pub(crate) published: u64,
    /// How many times faster than they could be delivered.
    pub(crate) times_too_fast: f64,
    /// Prices that arrived, over all users.
    pub(crate) deliveries: u64,
    /// Prices reported as missed, over all users.
    pub(crate) missed: u64,
    /// Prices that neither deliveries nor missed account for.
    pub(crate) unaccounted: i64,
    /// Prices lost, doubled, miscounted or missed while stale on a single subscription.
    pub(crate) wrong: u64,
    /// Users without the newest price once the flood was over.
    pub(crate) without_newest: u64,
    /// Memory of the server before, at its highest, and at the end, in MiB.
    pub(crate) memory_mib: [f64; 3],
    /// Milliseconds between two reads of one user.
    pub(crate) between_reads_ms: Option<Percentiles>,
    /// How old the newest price was when a user read it, in milliseconds.
    pub(crate) newest_age_ms: Option<Percentiles>,
}

/// How many times more prices are published than arrive.
const TIMES: f64 = 10.0;

/// Publishes prices of the first stock for this long, ten times as many as arrive.
///
/// How many arrive is not known beforehand: under pressure prices leave together, and the faster
/// they come, the more each write carries. So it begins with `rate` a second, and follows what
/// the users report.
pub(crate) fn run(
    subject: &mut Subject<'_>,
    users: usize,
    mut rate: f64,
    length: Duration,
) -> anyhow::Result<Flood> {
    let bar = progress::bar("the flood (seconds)", length.as_secs().max(1));
    subject.pool.latencies()?;
    let before = subject.pool.counts();
    let memory_before = subject.meter.memory()?;
    let (mut highest, mut looked) = (memory_before, Instant::now());
    let (start, mut published, mut due) = (Instant::now(), 0_u64, 0.0);
    let mut arrived = before.deliveries;
    let mut paced = start;
    while start.elapsed() < length {
        due += rate * paced.elapsed().as_secs_f64();
        paced = Instant::now();
        // At most a few thousand in one pipeline, so that the clock is looked at again.
        let batch = (due as u64).saturating_sub(published).min(4_000);
        subject.publisher.publish((0..batch).map(|_| 0))?;
        published += batch;
        subject.pool.pass(Duration::from_millis(2))?;
        let since = looked.elapsed();
        if since > Duration::from_millis(500) {
            highest = highest.max(subject.meter.memory()?);
            let now = subject.pool.counts().deliveries;
            let each = (now - arrived) as f64 / users as f64 / since.as_secs_f64();
            rate = rate.max(TIMES * each);
            (arrived, looked) = (now, Instant::now());
            bar.set_position(start.elapsed().as_secs());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let latencies = subject.pool.latencies()?;
    bar.finish_and_clear();
    let newest = subject.publisher.newest();
    let without_newest = subject.pool.catch_up(newest, Duration::from_secs(30))?;
    let memory_after = subject.meter.memory()?;
    let counts = subject.pool.counts() - before;
    let expected = published * users as u64;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Flood {
        seconds,
        published,
        times_too_fast: expected as f64 / counts.deliveries.max(1) as f64,
        deliveries: counts.deliveries,
        missed: counts.missed,
        unaccounted: expected as i64 - (counts.deliveries + counts.missed) as i64,
        wrong: counts.wrong() + counts.missed_while_stale,
        without_newest,
        memory_mib: [memory_before, highest.max(memory_after), memory_after].map(mib),
        between_reads_ms: latencies.between_reads.percentiles(),
        newest_age_ms: latencies.newest.percentiles(),
    })
}
