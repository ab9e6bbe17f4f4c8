//! The latest commands to the broker and since when it is away, for the page and for `/healthz`.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use pubsub_manager::{HubEvent, Stock};
use serde::Serialize;

/// How many of the latest commands to the broker are remembered for the page.
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

/// A command to the broker that it has answered.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct LogEntry {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    what: Answer,
    stock: Stock,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Subscribed,
    Unsubscribed,
    Refused,
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
            HubEvent::Subscribed { stock, .. } => self.remember(Answer::Subscribed, *stock),
            HubEvent::Unsubscribed { stock } => self.remember(Answer::Unsubscribed, *stock),
            HubEvent::Refused { stock, .. } => self.remember(Answer::Refused, *stock),
            HubEvent::Live => self.0.lock().stale_since = None,
            HubEvent::Stale { .. } => {
                self.0.lock().stale_since.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }

    fn remember(&self, what: Answer, stock: Stock) {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let recent = &mut self.0.lock().recent;
        recent.truncate(MAX_ENTRIES - 1);
        recent.push_front(LogEntry { at_ms, what, stock });
    }

    /// How long the broker has been away; none if it is there.
    pub(crate) fn stale_for(&self) -> Option<Duration> {
        self.0.lock().stale_since.map(|since| since.elapsed())
    }

    /// The latest commands, newest first.
    pub(crate) fn recent(&self) -> Vec<LogEntry> {
        self.0.lock().recent.iter().copied().collect()
    }
}
