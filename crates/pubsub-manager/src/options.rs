//! What a manager is started with.

#[cfg(feature = "redis")]
use crate::RedisUrl;
use crate::{Encode, InProcess, JsonLines, Listener};
use std::{fmt, sync::Arc, time::Duration};

/// Where prices come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BrokerAddress {
    /// A broker in this process: nothing to install, and reaches this process only.
    InProcess(InProcess),
    /// A Redis, which reaches every server that follows it.
    #[cfg(feature = "redis")]
    Redis(RedisUrl),
}

/// What a manager is started with. `Options::default()` runs at once, inside this process.
#[derive(Clone)]
pub struct Options {
    /// Where prices come from.
    pub broker: BrokerAddress,
    /// Comes before a stock's name in its channel's, for a Redis that is shared. Empty by default:
    /// the channel is the stock's own name.
    pub channel_prefix: String,
    /// How many stocks a user may follow, 100 by default. A user is searched in line by each
    /// price, so a thousand is more than it should be.
    pub stocks_per_user: usize,
    /// How messages become bytes, lines of JSON by default.
    pub encoder: Arc<dyn Encode>,
    /// How long a channel without users is kept, a second by default: a page that is loaded again
    /// does not make the server leave and join.
    pub leave_delay: Duration,
    /// How long a user may read nothing while something waits for it, ten seconds by default.
    pub drain_deadline: Duration,
    /// Hears of each thing that happens; nobody by default.
    pub on_event: Option<Listener>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            broker: BrokerAddress::InProcess(InProcess::new()),
            channel_prefix: String::new(),
            stocks_per_user: 100,
            encoder: Arc::new(JsonLines),
            leave_delay: Duration::from_secs(1),
            drain_deadline: Duration::from_secs(10),
            on_event: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The broker's address may hold a password, and a closure has nothing to show.
        out.debug_struct("Options")
            .field("channel_prefix", &self.channel_prefix)
            .field("stocks_per_user", &self.stocks_per_user)
            .field("leave_delay", &self.leave_delay)
            .field("drain_deadline", &self.drain_deadline)
            .finish_non_exhaustive()
    }
}
