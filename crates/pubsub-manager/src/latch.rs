//! A flag that can be waited for.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// Is set once and stays set.
#[derive(Default)]
pub(crate) struct Latch {
    set: AtomicBool,
    wake: Notify,
}

impl Latch {
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.wake.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    pub(crate) async fn wait(&self) {
        let mut woken = pin!(self.wake.notified());
        // Listening begins before the flag is read: set in between, it would be missed for ever.
        woken.as_mut().enable();
        if !self.is_set() {
            woken.await;
        }
    }
}
