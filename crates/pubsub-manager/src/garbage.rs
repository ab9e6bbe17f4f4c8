//! Messages that were no price: counted always, told seldom.

use crate::Event;
use std::time::Duration;
use tokio::time::Instant;

/// How often garbage is told of at most: whoever publishes it must not fill our log.
const SELDOM: Duration = Duration::from_secs(10);

/// Garbage that was not told of yet.
#[derive(Default)]
pub(crate) struct Garbage {
    messages: u64,
    latest: String,
    told_at: Option<Instant>,
}

impl Garbage {
    pub(crate) fn note(&mut self, what: String) {
        self.messages += 1;
        self.latest = what;
    }

    /// What there is to tell, if it is time.
    pub(crate) fn due(&mut self) -> Option<Event> {
        let now = Instant::now();
        if self.messages == 0 || self.told_at.is_some_and(|told_at| now - told_at < SELDOM) {
            return None;
        }
        self.told_at = Some(now);
        let (messages, latest) = (
            std::mem::take(&mut self.messages),
            std::mem::take(&mut self.latest),
        );
        Some(Event::Garbage { messages, latest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_garbage_is_told_of_once_in_ten_seconds() {
        let mut garbage = Garbage::default();
        assert_eq!(garbage.due(), None);
        garbage.note("first".into());
        let (messages, latest) = (1, "first".into());
        assert_eq!(garbage.due(), Some(Event::Garbage { messages, latest }));
        (0..1_000).for_each(|_| garbage.note("more".into()));
        assert_eq!(garbage.due(), None);
        advance(SELDOM).await;
        let (messages, latest) = (1_000, "more".into());
        assert_eq!(garbage.due(), Some(Event::Garbage { messages, latest }));
    }
}
