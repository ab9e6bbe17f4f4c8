//! What a manager is started with, and why a start fails.

use crate::{HubOptions, InProcess};
use std::time::Duration;
use thiserror::Error;

/// Where prices come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BrokerAddress {
    /// A broker in this process: nothing to install, and reaches this process only.
    InProcess(InProcess),
    /// A Redis, which reaches every server that is connected to it.
    #[cfg(feature = "redis")]
    Redis(crate::RedisUrl),
    /// A Redis Cluster, by its sharded pub/sub (Redis 7): the channel of a stock is on one master, and
    /// the loss of a master makes only its stocks stale.
    ///
    /// Within a stock prices come in order and at most once, as from a single Redis, with one exception:
    /// a master that was replaced, in particular one that was stopped and wakes, may hand on what it had
    /// received before, late or a second time.
    #[cfg(feature = "cluster")]
    RedisCluster(crate::RedisCluster),
}

#[cfg(feature = "redis")]
impl From<crate::RedisAddress> for BrokerAddress {
    fn from(address: crate::RedisAddress) -> Self {
        match address {
            crate::RedisAddress::One(url) => Self::Redis(url),
            #[cfg(feature = "cluster")]
            crate::RedisAddress::Cluster(cluster) => Self::RedisCluster(cluster),
        }
    }
}

/// What a manager is started with. `Options::default()` needs nothing installed: its broker is inside
/// this process.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where prices come from.
    pub broker: BrokerAddress,
    /// Comes before a stock's name in its channel's, for a Redis that is shared. Empty by default:
    /// the channel is the stock's own name.
    pub channel_prefix: String,
    /// How long the server stays subscribed to a channel without users, a second by default: reloading a
    /// page does not make the server unsubscribe and subscribe again.
    pub unsubscribe_delay: Duration,
    /// How long [`disconnect`](crate::PubSubManager::disconnect) waits for slow consumers to take what
    /// waits for them, ten seconds by default.
    pub drain_timeout: Duration,
    /// The limits and the encoding of the users' side.
    pub hub: HubOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            broker: BrokerAddress::InProcess(InProcess::default()),
            channel_prefix: String::new(),
            unsubscribe_delay: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(10),
            hub: HubOptions::default(),
        }
    }
}

/// Why the manager could not be started. Starting it again later may work.
#[derive(Debug, Error)]
pub enum StartError {
    /// The manager spawns a task, and a task needs a runtime.
    #[error(
        "no tokio runtime runs here: start the manager inside #[tokio::main] or a runtime's block_on"
    )]
    NoRuntime,
    /// The instance exists already, with options of its own, so these would be ignored.
    #[error("the manager was started before: use PubSubManager::instance()")]
    AlreadyStarted,
}

/// The manager was asked for before it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the manager has not been started: call PubSubManager::start first, once, in main")]
pub struct NotStarted;
