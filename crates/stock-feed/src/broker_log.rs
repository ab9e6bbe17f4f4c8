//! What the broker answered or lost last and since when it is away, for the page and for `/healthz`.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use pubsub_manager::{HubEvent, Stock};
use serde::Serialize;

/// How many entries are remembered for the page.
const MAX_ENTRIES: usize = 32;

/// Receives the manager's events. It keeps only those about the broker: events about users are a thousand
/// times as frequent, and would push them out. Written by the manager's task, read by requests; the lock is
/// held for a push or a copy of 32 entries.
#[derive(Debug)]
pub(crate) struct BrokerLog(Mutex<State>);

#[derive(Debug)]
struct State {
    stale_since: Option<Instant>,
    recent: VecDeque<LogEntry>,
}

/// One line of the log.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogEntry {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    #[serde(flatten)]
    what: What,
}

/// A command that the broker has answered, or the loss of a part of it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum What {
    Subscribed {
        stock: Stock,
    },
    Unsubscribed {
        stock: Stock,
    },
    Refused {
        stock: Stock,
    },
    /// A master of a Redis Cluster, with the channels that were subscribed there. The feed stays live, and
    /// only their stocks are stale.
    Lost {
        /// Its host and port.
        node: String,
        channels: usize,
    },
}

impl BrokerLog {
    /// A log of a feed that has not been live yet: it is stale from now.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            stale_since: Some(Instant::now()),
            recent: VecDeque::new(),
        }))
    }

    /// Records an event. The manager calls it between two prices, so it must not block.
    pub(crate) fn note(&self, event: &HubEvent) {
        match event {
            HubEvent::Subscribed { stock, .. } => self.remember(What::Subscribed { stock: *stock }),
            HubEvent::Unsubscribed { stock } => self.remember(What::Unsubscribed { stock: *stock }),
            HubEvent::Refused { stock, .. } => self.remember(What::Refused { stock: *stock }),
            HubEvent::NodeLost { node, channels, .. } => self.remember(What::Lost {
                node: node.clone(),
                channels: *channels,
            }),
            HubEvent::Live => self.0.lock().stale_since = None,
            HubEvent::Stale { .. } => {
                self.0.lock().stale_since.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }

    fn remember(&self, what: What) {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let recent = &mut self.0.lock().recent;
        recent.truncate(MAX_ENTRIES - 1);
        recent.push_front(LogEntry { at_ms, what });
    }

    /// How long the broker has been away; none if it is there.
    pub(crate) fn stale_for(&self) -> Option<Duration> {
        self.0.lock().stale_since.map(|since| since.elapsed())
    }

    /// The latest entries, newest first.
    pub(crate) fn recent(&self) -> Vec<LogEntry> {
        self.0.lock().recent.iter().cloned().collect()
    }
}
