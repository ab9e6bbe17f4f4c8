//! Work that is finished although the request that began it is gone.

use std::future::pending;
use std::panic::resume_unwind;

/// Does the work in a task of its own, and waits for it.
///
/// hyper drops the future of a request when its client hangs up, wherever that future stands. Two things
/// went wrong so: eight clients that gave up after 0.6 s began eight loads of one second, and none was
/// kept; and a move that was stored was not evicted, so that the old copy stayed for its time to live.
pub(crate) async fn in_own_task<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is ending, and this request with it.
            Err(_) => pending().await,
        },
    }
}
