//! The connection to the Redis, which may be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError};
use redis_client::RedisUrl;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long Redis may take; a database that is asked directly is slower and right.
const REPLY_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a Redis that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// A Redis that is asked while it answers. Clones share one connection.
#[derive(Clone)]
pub(super) struct Link {
    url: RedisUrl,
    state: Arc<Mutex<State>>,
    /// That it is away is logged once, until it has answered again.
    warned: Arc<AtomicBool>,
}

enum State {
    Connected(MultiplexedConnection),
    AwayUntil(Instant),
}

impl Link {
    pub(super) fn new(url: RedisUrl) -> Self {
        Self {
            url,
            state: Arc::new(Mutex::new(State::AwayUntil(Instant::now()))),
            warned: Arc::default(),
        }
    }

    /// Asks Redis; none if it is away, or was a moment ago.
    pub(super) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        let mut state = self.state.lock().await;
        if matches!(*state, State::AwayUntil(until) if Instant::now() < until) {
            return None;
        }
        let connect = self.url.connect(AsyncConnectionConfig::new());
        let answer = timeout(REPLY_TIMEOUT, async {
            let redis = match &*state {
                State::Connected(redis) => redis.clone(),
                State::AwayUntil(_) => connect.await?,
            };
            *state = State::Connected(redis.clone());
            drop(state);
            question(redis).await
        });
        let why = match answer.await {
            Ok(Ok(answer)) => {
                self.warned.store(false, Relaxed);
                return Some(answer);
            }
            // Something else is kept under our key: it is as good as nothing.
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::Server(_)) => return None,
            Ok(Err(error)) => redis_client::in_words(&error),
            Err(_) => format!("no answer in {REPLY_TIMEOUT:?}"),
        };
        *self.state.lock().await = State::AwayUntil(Instant::now() + PAUSE);
        if !self.warned.swap(true, Relaxed) {
            tracing::warn!("{} is away, so the database answers: {why}", self.url);
        }
        None
    }
}
