//! Whether a link still brings what is published.

use std::time::Duration;
use tokio::time::Instant;

/// How long a link may bring nothing before it is probed.
const QUIET: Duration = Duration::from_secs(3);
/// How long the probe may take: a dead link is noticed within both, well under ten seconds.
const PROBE: Duration = Duration::from_secs(4);

/// What is known of one link. While prices come nothing needs to be asked.
pub(crate) struct Health {
    /// When something came that only a working link brings.
    alive_at: Instant,
    probed_at: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Nothing,
    Probe,
    Dead,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self {
            alive_at: Instant::now(),
            probed_at: None,
        }
    }

    /// A price came, or the probe came back.
    pub(crate) fn alive(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn check(&mut self) -> Check {
        let now = Instant::now();
        match self.probed_at {
            None if now - self.alive_at >= QUIET => {
                self.probed_at = Some(now);
                Check::Probe
            }
            Some(probed_at) if now - probed_at >= PROBE => Check::Dead,
            _ => Check::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_quiet_link_is_probed_once_and_is_dead_if_the_probe_does_not_come_back() {
        let mut health = Health::new();
        advance(QUIET).await;
        assert_eq!(health.check(), Check::Probe);
        assert_eq!(health.check(), Check::Nothing);
        health.alive();
        advance(QUIET).await;
        assert_eq!(health.check(), Check::Probe);
        advance(PROBE).await;
        assert_eq!(health.check(), Check::Dead);
    }
}
