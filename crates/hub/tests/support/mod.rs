//! What the hub's tests share with those of the manager.

pub(crate) mod test_client;

use hub::{Hub, HubOptions};
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::sleep};

/// A hub that is live, and its fan-out. The test is the manager.
pub(crate) async fn live_hub() -> Arc<Hub> {
    let hub = Hub::new(HubOptions::default(), Handle::current());
    let fan_out = Arc::clone(&hub);
    tokio::spawn(async move { fan_out.fan_out().await });
    hub.go_live();
    moment().await;
    hub
}

/// Lets what is ready happen. The clock is paused: it moves on only when no task has work.
pub(crate) async fn moment() {
    sleep(Duration::from_millis(10)).await;
}
