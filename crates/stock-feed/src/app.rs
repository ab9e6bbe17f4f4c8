//! What every part of the server shares.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use program::RateLimitedLog;
use program::origin::{Allowed, Forwarded};
use pubsub_manager::{Pace, PubSubManager};

use crate::broker_log::BrokerLog;
use crate::cached_answer::CachedAnswer;
use crate::market::Market;
use crate::sessions::Sessions;

/// The limits of what users may use of this server. Each is a flag of the program.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most users at a time; the next one is answered 503.
    pub users: usize,
    /// The most users of one address at a time; the next one is answered 429. None if there is no such limit.
    pub users_per_address: Option<u32>,
    /// The largest message from a user, in bytes.
    pub message: usize,
    /// The pace of users that ask for none, and the fastest that a user may ask for; none if each user is sent
    /// each price.
    pub pace: Option<Pace>,
    /// How long nothing may be written to a user before it is pinged.
    pub ping_every: Duration,
    /// How long a client may take to send its request.
    pub handshake: Duration,
    /// How long the broker may be away before the server calls itself unhealthy.
    pub unhealthy_after: Duration,
    /// The time over which users are disconnected when the server ends.
    pub drain: Duration,
    /// The pages, besides this server's own, that may connect.
    pub origins: Vec<Allowed>,
    /// Whether a proxy's headers about client and host are trusted.
    pub forwarded: Forwarded,
}

/// The server's shared parts. There is one for the life of the process, as there is one
/// [`PubSubManager`], so a user points at it and counts nothing.
pub(crate) struct App {
    pub(crate) manager: &'static PubSubManager,
    pub(crate) sessions: &'static Sessions,
    pub(crate) limits: Limits,
    pub(crate) broker_log: &'static BrokerLog,
    pub(crate) market: Option<Market>,
    /// The server's address and the broker's kind, as the page shows them.
    pub(crate) listen: String,
    pub(crate) broker: &'static str,
    /// The latest answer to `/stats`.
    pub(crate) stats: CachedAnswer,
    pub(crate) refusals: RateLimitedLog,
    /// Users that were refused because their address has as many as it may.
    pub(crate) address_refusals: RateLimitedLog,
    pub(crate) prometheus: PrometheusHandle,
    pub(crate) users_so_far: AtomicU64,
    /// Set once, when the server was asked to end: new users are refused from then on. Read at each handshake.
    pub(crate) ending: AtomicBool,
}

impl App {
    /// The number of the next user.
    pub(crate) fn next_user(&self) -> u64 {
        self.users_so_far.fetch_add(1, Ordering::Relaxed)
    }
}
