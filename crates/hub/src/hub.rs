//! The hub: what connections, the manager and the fan-out share.

mod manager;
mod users;

use crate::{
    Feed, HubEvent, HubOptions, Stats, fan_out::FanOut, pacing::Pacing, registry::Registry,
    stats::Counters,
};
use parking_lot::Mutex;
use program::RateLimitedLog;
use std::{fmt, sync::Arc};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The users of one server, what they are subscribed to, and what they are sent.
///
/// Users change what is wanted; a manager reads that by [`dirty`](Self::dirty) and
/// [`is_wanted`](Self::is_wanted), and reports what the broker confirmed, refused and published.
///
/// None of its locks is held across an await. They are parking_lot's: one byte each, of which there
/// is one for every user, and not poisoned by a panic in a caller's socket. They are taken in this
/// order:
///
/// 1. the fan-out's jobs, by [`fan_out`](Self::fan_out) while it writes to users, and for an instant
///    by the manager when the feed or a stock becomes live or stale;
/// 2. one user;
/// 3. the list of all users; or the map of channels, and then one channel.
///
/// All others are leaves, held for a few instructions: pending prices, the turns of users with a pace, dirty
/// stocks, and the reason for being stale.
pub struct Hub {
    /// Read by `subscribe`; set once, by the options.
    stocks_per_user: usize,
    /// What each connection keeps of the hub, so that dropping it can remove its user.
    registry: Arc<Registry>,
    /// Run by the manager's task; what is pending in it is written by the broker's task.
    fan_out: FanOut,
    /// Run by the manager's task as well, beside the fan-out; users that connect with a pace are added.
    pacing: Pacing,
    /// Why the feed is stale, empty while it is live. Only the manager's task writes and reads it.
    stale_because: Mutex<String>,
    /// Cancelled by [`close`](Self::close), once; every verb reads it.
    closed: CancellationToken,
    /// Counted by the broker's task.
    invalid_messages: RateLimitedLog,
    /// Counted by the manager's task.
    refused_channels: RateLimitedLog,
}

impl Hub {
    /// A hub without users, whose feed is stale until [`go_live`](Self::go_live). Its tasks run in
    /// this runtime.
    pub fn new(options: HubOptions, runtime: Handle) -> Arc<Self> {
        let stocks_per_user = options.stocks_per_user;
        let registry = Arc::new(Registry::new(options, runtime));
        Arc::new(Self {
            stocks_per_user,
            fan_out: FanOut::new(Arc::clone(&registry)),
            pacing: Pacing::new(Arc::clone(&registry.delivery)),
            registry,
            stale_because: Mutex::default(),
            closed: CancellationToken::new(),
            invalid_messages: RateLimitedLog::default(),
            refused_channels: RateLimitedLog::default(),
        })
    }

    /// Closes the hub: from now on every verb answers [`Disconnected`](crate::Disconnected).
    pub fn close(&self) {
        self.registry.delivery.end();
        self.closed.cancel();
    }

    /// Waits until [`close`](Self::close) is called.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Waits until no user lags: each has caught up, disconnected, or was evicted at its deadline.
    pub async fn drained(&self) {
        self.registry.delivery.drained().await;
    }

    /// Whether prices come from the broker.
    pub fn feed(&self) -> Feed {
        self.registry.delivery.feed()
    }

    /// The counters, and how many users each stock has.
    pub fn stats(&self) -> Stats {
        Stats {
            stocks: self.registry.channels.users(),
            ..self.counts()
        }
    }

    /// The counters without the list of stocks, at a cost that does not grow with it.
    pub fn counts(&self) -> Stats {
        let users = self.registry.users.lock().len() as u64;
        let lagging = self.registry.delivery.lagging();
        let wanted = self.registry.channels.wanted();
        self.counters().read(self.feed(), users, lagging, wanted)
    }

    fn counters(&self) -> &Counters {
        &self.registry.delivery.counters
    }

    fn emit(&self, event: impl FnOnce() -> HubEvent) {
        self.registry.delivery.emit(event);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = self.registry.users.lock().len();
        write!(out, "Hub({:?}, {users} users)", self.feed())
    }
}
