//! How a hub treats its users.

use crate::{Encode, JsonLines, OnEvent};
use std::{fmt, sync::Arc, time::Duration};

/// How a hub treats its users.
#[derive(Clone)]
pub struct HubOptions {
    /// How many stocks a user may be subscribed to, 100 by default. Each price searches the user's
    /// list in order, so a thousand makes every price slow.
    pub stocks_per_user: usize,
    /// How messages become bytes, lines of JSON by default.
    pub encoder: Arc<dyn Encode>,
    /// How long a user may take nothing while something waits for it, ten seconds by default; then it
    /// is evicted. A user who takes a byte now and then is kept.
    pub slow_consumer_timeout: Duration,
    /// Is called with each event, by default nothing is. It runs inside the verbs, so it must be fast.
    pub on_event: Option<OnEvent>,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            stocks_per_user: 100,
            encoder: Arc::new(JsonLines),
            slow_consumer_timeout: Duration::from_secs(10),
            on_event: None,
        }
    }
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HubOptions")
            .field("stocks_per_user", &self.stocks_per_user)
            .field("slow_consumer_timeout", &self.slow_consumer_timeout)
            .finish_non_exhaustive()
    }
}
