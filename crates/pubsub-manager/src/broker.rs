//! Where prices come from: one trait, with two brokers behind it.

pub(crate) mod in_process;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use crate::Stock;
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use thiserror::Error;
use tokio::sync::SetOnce;

/// How long a probe may take before the connection counts as lost.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// A place where prices are published, and which delivers those that this server subscribed to.
///
/// The promise is that of publish and subscribe, not that of a queue: a price is delivered at most
/// once, in the order of publishing on its channel, to the connections that are subscribed at that
/// moment. A connection's subscriptions are lost with it.
///
/// A broker may store the last price of each stock, for those who subscribe later: see
/// [`last_prices`](BrokerConnection::last_prices).
pub(crate) trait Broker: Send + Sync + 'static {
    type Connection: BrokerConnection;

    /// Makes a connection, on which nothing is subscribed yet. What it receives goes to `events`.
    fn connect(
        &self,
        events: Arc<Events>,
    ) -> impl Future<Output = Result<Self::Connection, BrokerError>> + Send;
}

/// One connection to a broker. Dropping it ends it. After an error other than a refusal it is of no use
/// any more.
pub(crate) trait BrokerConnection: Send + Sync {
    /// Subscribes to all of these, or to none of them; returns when that is confirmed.
    fn subscribe(&self, stocks: &[Stock]) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Unsubscribes from all of these.
    fn unsubscribe(&self, stocks: &[Stock])
    -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Publishes a message on a channel of our own, and returns when it was delivered to us.
    fn probe(&self) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Reads what is stored as the last price of these stocks; none of a stock without one, and none at
    /// all from a broker that stores no prices.
    ///
    /// Every message that was published before the read, on a channel that is subscribed, has gone to
    /// the connection's events when this returns. A publisher that stores a price and publishes it does
    /// both in one step. A message from one that only publishes leaves an older stored price behind it,
    /// and who subscribes then is sent that one, until the next price or the end of its time to live.
    ///
    /// In a cluster three more things leave an older one behind: a replica that replaces its master without
    /// the master's latest writes, which Redis copies after it has answered; a price that was published while
    /// the cluster was down, and one while its slot was being moved. A read in these moments finds none.
    fn last_prices(
        &self,
        _stocks: &[Stock],
    ) -> impl Future<Output = Result<Vec<StoredPrice>, BrokerError>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// Why a broker did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// It refused the whole command; the connection can be used as before.
    #[error("the broker refuses: {0}")]
    Refused(String),
    /// It cannot be reached, was lost, or did not answer in time.
    #[error("{0}")]
    Lost(String),
}

/// What is stored as a stock's last price, not checked yet.
pub(crate) type StoredPrice = (Stock, Vec<u8>);

/// Is called with each message. It runs in a connection's own task, so it must not wait.
pub(crate) type OnMessage = Arc<dyn Fn(Stock, &[u8]) + Send + Sync>;

/// What one connection receives. The connection's own task calls it, so nothing here waits.
pub(crate) struct Events {
    /// The manager's `handle_message`, the only thing of the manager that a broker can call.
    on_message: OnMessage,
    /// Counted by the connection's task, read by the manager's.
    messages: AtomicU64,
    /// Why the connection was lost: set once, by its own task or by the manager's, which waits for it.
    pub(crate) lost: SetOnce<String>,
}

impl Events {
    pub(crate) fn new(on_message: &OnMessage) -> Arc<Self> {
        Arc::new(Self {
            on_message: Arc::clone(on_message),
            messages: AtomicU64::new(0),
            lost: SetOnce::new(),
        })
    }

    /// A message came on a stock's channel.
    pub(crate) fn message(&self, stock: Stock, message: &[u8]) {
        self.messages.fetch_add(1, Relaxed);
        // The task of a connection that was lost may still deliver for an instant. The next connection
        // may have delivered newer prices by then, and these would come after them.
        if self.lost.get().is_none() {
            (self.on_message)(stock, message);
        }
    }

    /// How many messages came. A connection that delivers some needs no probe.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Relaxed)
    }

    /// The connection is lost.
    pub(crate) fn lost(&self, reason: &str) {
        // Only the first reason is kept: what fails later fails because of it.
        let _ = self.lost.set(reason.to_owned());
    }

    pub(crate) async fn until_lost(&self) -> BrokerError {
        BrokerError::Lost(self.lost.wait().await.clone())
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Events({} messages)", self.messages())
    }
}
