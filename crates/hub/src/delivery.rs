//! What writing to a user takes from its hub.

use crate::{
    Encode, Feed, HubEvent, HubOptions, OnEvent, PriceAges, UserId,
    stats::{Counters, count},
};
use std::{
    future::Future,
    ops::AddAssign,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    time::Duration,
};
use tokio::{runtime::Handle, task::AbortHandle, time::Instant};
use tokio_util::task::TaskTracker;

/// How users are written to, and where it is counted and reported: all that a user, its task and
/// the fan-out need of the hub. It has no handle to a user, so there is no circle of imports.
pub(crate) struct Delivery {
    encoder: Arc<dyn Encode>,
    slow_consumer_timeout: Duration,
    on_event: Option<OnEvent>,
    runtime: Handle,
    /// The tasks of users that lag. A user adds its task under its own lock; the end of the task
    /// removes it, so the length is the number of users that lag.
    lagging: TaskTracker,
    /// Whether no prices come from the broker. Written by the manager's task, read by every user's
    /// status. It is not part of a lock because it is one bit, and a status that is one write late
    /// is corrected by the fan-out's job that follows each change.
    stale: AtomicBool,
    /// Whether the hub is closed, and users with a pace have no further turns. Written once, before all of them
    /// are sent what they lack; read by the task of one that lags, under the user's lock. So the one or the
    /// other sends it.
    ending: AtomicBool,
    /// Written from every task, one counter at a time: what is read together need not be of the same
    /// moment.
    pub(crate) counters: Counters,
}

/// What was sent to a user.
#[derive(Default, Clone, Copy)]
pub(crate) struct Delivered {
    pub(crate) prices: u64,
    /// How many prices the sent ones say that the user missed.
    pub(crate) missed: u64,
}

impl AddAssign for Delivered {
    fn add_assign(&mut self, more: Self) {
        self.prices += more.prices;
        self.missed += more.missed;
    }
}

impl Delivery {
    /// The feed is stale at first.
    pub(crate) fn new(options: HubOptions, runtime: Handle) -> Self {
        Self {
            encoder: options.encoder,
            slow_consumer_timeout: options.slow_consumer_timeout,
            on_event: options.on_event,
            runtime,
            lagging: TaskTracker::new(),
            stale: AtomicBool::new(true),
            ending: AtomicBool::new(false),
            counters: Counters::default(),
        }
    }

    pub(crate) fn encoder(&self) -> &dyn Encode {
        &*self.encoder
    }

    /// How long a user may take nothing while something waits for it; then it is evicted.
    pub(crate) fn slow_consumer_timeout(&self) -> Duration {
        self.slow_consumer_timeout
    }

    /// Whether prices come from the broker.
    pub(crate) fn feed(&self) -> Feed {
        if self.stale.load(Acquire) {
            Feed::Stale
        } else {
            Feed::Live
        }
    }

    /// Returns whether the feed was in the other state before.
    pub(crate) fn set_feed(&self, feed: Feed) -> bool {
        let stale = feed == Feed::Stale;
        self.stale.swap(stale, AcqRel) != stale
    }

    /// From now on a user with a pace that lags is sent what it lacks without waiting for its turn.
    pub(crate) fn end(&self) {
        self.ending.store(true, Release);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Acquire)
    }

    /// Runs the task of a user that lags, in the hub's runtime: the caller may be in none.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.lagging.spawn_on(task, &self.runtime).abort_handle()
    }

    /// How many users lag.
    pub(crate) fn lagging(&self) -> u64 {
        self.lagging.len() as u64
    }

    /// Waits until no user lags.
    pub(crate) async fn drained(&self) {
        self.lagging.close();
        self.lagging.wait().await;
    }

    /// Counts what was sent to a slice of users; `received` is when this server received the oldest of the prices.
    pub(crate) fn count(&self, received: Instant, delivered: impl Iterator<Item = Delivered>) {
        // Summed first: a few additions to shared memory and one look at the clock for a slice of users, not
        // for each user.
        let (mut sum, mut ages) = (Delivered::default(), PriceAges::default());
        delivered.for_each(|one| sum += one);
        // The clock is read after the writes, so that no price looks younger than it was for the last user.
        ages.record(received.elapsed(), sum.prices);
        self.add(sum, &ages);
    }

    /// Counts what one write sent to one user: prices of several stocks, each with the moment in which this
    /// server received it.
    pub(crate) fn count_write(&self, delivered: impl Iterator<Item = (Instant, Delivered)>) {
        let now = Instant::now();
        let (mut sum, mut ages) = (Delivered::default(), PriceAges::default());
        for (received, one) in delivered {
            sum += one;
            ages.record(now.saturating_duration_since(received), one.prices);
        }
        self.add(sum, &ages);
    }

    fn add(&self, sum: Delivered, ages: &PriceAges) {
        count(&self.counters.deliveries, sum.prices);
        count(&self.counters.missed, sum.missed);
        self.counters.ages.add(ages);
    }

    pub(crate) fn evicted(&self, user: UserId, why: &str) {
        count(&self.counters.evicted, 1);
        tracing::debug!(%user, why, "evicted a user");
    }

    /// Calls the listener, if there is one; without one the event is not made.
    pub(crate) fn emit(&self, event: impl FnOnce() -> HubEvent) {
        if let Some(listener) = &self.on_event {
            listener(&event());
        }
    }
}
