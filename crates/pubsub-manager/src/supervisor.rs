//! Starts the keeper's task, starts it anew after a fault, and never lets it end in silence.

use crate::{PubSubManager, broker::Broker, keeper::Keeper, shared::Shared, stats::Counters};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::sleep};

/// The pause after a fault, so that one which comes back at once does not take the whole thread.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);

/// Keeps the link until the manager is disconnected. A fault in it is counted and logged, and the
/// work starts anew from what the users want, which is written nowhere else.
pub(crate) fn keep<B: Broker>(
    manager: Arc<PubSubManager>,
    broker: B,
) -> impl Future<Output = ()> + Send {
    // Made here and not in the task: a runtime that ends at once drops a task it never began.
    let end = TellTheEnd(Arc::clone(manager.shared()));
    let broker = Arc::new(broker);
    async move {
        let shared = &end.0;
        loop {
            let mut keeper = Keeper::new(Arc::clone(&manager));
            let broker = Arc::clone(&broker);
            let mut work = AbortAtEnd(tokio::spawn(async move { keeper.run(&*broker).await }));
            match (&mut work.0).await {
                Err(fault) if fault.is_panic() => {
                    tracing::error!(%fault, "the manager's task ended by a fault; it begins anew");
                    Counters::add(&shared.counters.restarts, 1);
                    manager.relay().clear();
                    sleep(AFTER_A_FAULT).await;
                }
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Whatever ends the task, a disconnect or the end of the runtime, the verbs say so from then on.
struct TellTheEnd(Arc<Shared>);

impl Drop for TellTheEnd {
    fn drop(&mut self) {
        if !self.0.is_closed() {
            tracing::error!("the manager's runtime has ended: prices are relayed no more");
        }
        self.0.close();
        self.0.ended.set();
    }
}

/// The work does not outlive who waits for it.
struct AbortAtEnd(JoinHandle<()>);

impl Drop for AbortAtEnd {
    fn drop(&mut self) {
        self.0.abort();
    }
}
