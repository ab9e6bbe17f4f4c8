//! What the broker's link did lately, for whoever asks whether this server is well.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use pubsub_manager::{Event, Stock};
use serde::Serialize;

/// How many of the latest commands to the broker are remembered for the page.
const REMEMBERED: usize = 32;

/// Listens to the manager's events. It remembers only what concerns the broker: what users do
/// happens a thousand times as often, and would push it out.
#[derive(Debug)]
pub(crate) struct Link(Mutex<State>);

#[derive(Debug)]
struct State {
    stale_since: Option<Instant>,
    recent: VecDeque<Told>,
}

/// Something that this server told the broker.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Told {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    what: What,
    stock: Stock,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Subscribed,
    Unsubscribed,
    Refused,
}

impl Link {
    /// A link that was never live is stale from now.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            stale_since: Some(Instant::now()),
            recent: VecDeque::new(),
        }))
    }

    /// Takes note of an event. It is called from inside the manager, and waits for nothing.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::Subscribed { stock, .. } => self.remember(What::Subscribed, *stock),
            Event::Unsubscribed { stock } => self.remember(What::Unsubscribed, *stock),
            Event::Refused { stock, .. } => self.remember(What::Refused, *stock),
            Event::Live => self.0.lock().stale_since = None,
            Event::Stale { .. } => {
                self.0.lock().stale_since.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }

    fn remember(&self, what: What, stock: Stock) {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let recent = &mut self.0.lock().recent;
        recent.truncate(REMEMBERED - 1);
        recent.push_front(Told { at_ms, what, stock });
    }

    /// How long the link has been away, if it is.
    pub(crate) fn stale_for(&self) -> Option<Duration> {
        self.0.lock().stale_since.map(|since| since.elapsed())
    }

    /// What the broker was told lately, newest first.
    pub(crate) fn recent(&self) -> Vec<Told> {
        self.0.lock().recent.iter().copied().collect()
    }
}
