//! A probe of a connection is not taken for another one.

use crate::broker::redis::Probes;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_delivered_late_does_not_pass_for_the_next() {
    let probes = Probes::default();
    let (late, next) = (probes.next(), probes.next());
    probes.deliver(late.to_string().as_bytes());
    let second = Duration::from_secs(1);
    assert!(timeout(second, probes.delivered(next)).await.is_err());
    probes.deliver(next.to_string().as_bytes());
    assert!(timeout(second, probes.delivered(next)).await.is_ok());
}
