//! An answer that many ask for, worked out once for all who ask within a moment.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use parking_lot::Mutex;

/// The latest answer, and when it was worked out.
#[derive(Debug, Default)]
pub(crate) struct CachedAnswer(Mutex<Option<(Instant, Bytes)>>);

impl CachedAnswer {
    /// The latest answer, or a new one if that is older than `age`. The lock is held while a new one is
    /// worked out: a second request in that moment waits for the first one's answer.
    pub(crate) fn no_older_than(&self, age: Duration, work_out: impl FnOnce() -> Vec<u8>) -> Bytes {
        let mut latest = self.0.lock();
        if let Some((at, answer)) = &*latest
            && at.elapsed() < age
        {
            return answer.clone();
        }
        let answer = Bytes::from(work_out());
        *latest = Some((Instant::now(), answer.clone()));
        answer
    }
}
