//! The connection to the Redis, which may be away, frozen or unwilling.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use program::within;
use redis::aio::MultiplexedConnection;
use redis::{Arg, AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisError};
use redis_client::{RedisUrl, in_words};
use tokio::time::Instant;

use crate::counted::Counts;

/// How long a request waits for Redis: a database that is asked directly is slower, and right.
const REPLY_TIMEOUT: Duration = Duration::from_millis(50);
/// How long one attempt to connect may take. No request waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before the next attempt to connect.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A connection that is used while Redis answers in time. Clones share it.
#[derive(Clone)]
pub(super) struct RedisConnection(Arc<Inner>);

struct Inner {
    url: RedisUrl,
    /// Written by the one task that connects, and by a command that got no answer. No guard crosses an
    /// await: the first version held it for a connect of 250 ms, and with a frozen Redis all requests
    /// queued behind it until their own ten seconds were over.
    state: Mutex<State>,
    counts: Arc<Counts>,
}

enum State {
    Connected {
        redis: MultiplexedConnection,
        since: Instant,
    },
    /// A task is at it.
    Connecting,
    AwayUntil(Instant),
}

/// Why there is no answer; it was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Redis cannot be reached, or not in time.
    Away,
    /// Redis answered with an error.
    Refused,
    /// Another program keeps a value of another type under our key.
    WrongType,
}

impl RedisConnection {
    /// Makes the first attempt, so that the first request finds a Redis that is there.
    pub(super) async fn new(url: RedisUrl, counts: Arc<Counts>) -> Self {
        let connection = Self(Arc::new(Inner {
            url,
            state: Mutex::new(State::Connecting),
            counts,
        }));
        connection.connect().await;
        connection
    }

    /// Sends one command. While Redis is away, this returns at once.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, NoAnswer> {
        let (mut redis, since) = self.connected().ok_or(NoAnswer::Away)?;
        let name = name(command);
        match within(REPLY_TIMEOUT, command.query_async(&mut redis)).await {
            Ok(Ok(answer)) => {
                self.0.counts.end_trouble(&name);
                Ok(answer)
            }
            Ok(Err(error)) if error.code() == Some("WRONGTYPE") => Err(NoAnswer::WrongType),
            Ok(Err(error)) if is_refusal(&error) => {
                self.refused(&name, &error);
                Err(NoAnswer::Refused)
            }
            Ok(Err(error)) => {
                self.lost(since, &in_words(&error));
                Err(NoAnswer::Away)
            }
            Err(_) => {
                self.lost(since, &format!("no answer in {REPLY_TIMEOUT:?}"));
                Err(NoAnswer::Away)
            }
        }
    }

    /// The connection; none while there is none. The first who finds that the pause is over begins the
    /// next attempt, and does not wait for it either.
    fn connected(&self) -> Option<(MultiplexedConnection, Instant)> {
        let mut state = self.state();
        match &*state {
            State::Connected { redis, since } => Some((redis.clone(), *since)),
            State::AwayUntil(until) if *until <= Instant::now() => {
                *state = State::Connecting;
                let connection = self.clone();
                tokio::spawn(async move { connection.connect().await });
                None
            }
            State::Connecting | State::AwayUntil(_) => None,
        }
    }

    async fn connect(&self) {
        let attempt = within(CONNECT_TIMEOUT, async {
            let redis = self.0.url.connect(AsyncConnectionConfig::new()).await?;
            let is_in_time = answers_in_time(redis.clone()).await;
            Ok::<_, RedisError>(is_in_time.then_some(redis))
        });
        let why = match attempt.await {
            Ok(Ok(Some(redis))) => {
                *self.state() = State::Connected {
                    redis,
                    since: Instant::now(),
                };
                if self.0.counts.end_trouble(CONNECTION) {
                    tracing::warn!("{} answers again", self.0.url);
                }
                return;
            }
            Ok(Ok(None)) => format!("no answer in {REPLY_TIMEOUT:?}"),
            Ok(Err(error)) if is_refusal(&error) => {
                *self.state() = State::AwayUntil(Instant::now() + RETRY_AFTER);
                return self.refused(CONNECTION, &error);
            }
            Ok(Err(error)) => in_words(&error),
            Err(_) => format!("no connection in {CONNECT_TIMEOUT:?}"),
        };
        *self.state() = State::AwayUntil(Instant::now() + RETRY_AFTER);
        self.away(&why);
    }

    /// Gives this connection up, unless there is a newer one: of many commands that wait, each times out.
    fn lost(&self, since: Instant, why: &str) {
        {
            let mut state = self.state();
            if !matches!(*state, State::Connected { since: now, .. } if now == since) {
                return;
            }
            *state = State::AwayUntil(Instant::now() + RETRY_AFTER);
        }
        self.away(why);
    }

    /// Logged once, until it answers again.
    fn away(&self, why: &str) {
        let trouble = format!("{} is away, so the database answers: {why}", self.0.url);
        if self.0.counts.begin_trouble(CONNECTION, &trouble) {
            tracing::warn!("{trouble}");
        }
    }

    /// Logged once, until the same command is accepted.
    fn refused(&self, command: &str, error: &RedisError) {
        let url = &self.0.url;
        let why = in_words(error);
        let trouble = format!("{url} refuses {command}, so the database answers: {why}");
        if self.0.counts.begin_trouble(command, &trouble) {
            tracing::warn!("{trouble}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name under which a trouble of the connection itself is kept, among those of commands.
const CONNECTION: &str = "the connection";

/// A Redis that answers only after 300 ms accepts connections; used, it would slow down every request.
async fn answers_in_time(mut redis: MultiplexedConnection) -> bool {
    let ping = redis::cmd("PING");
    match within(REPLY_TIMEOUT, ping.query_async::<()>(&mut redis)).await {
        Ok(Ok(())) => true,
        // A user that may not send PING is answered, too.
        Ok(Err(error)) => is_refusal(&error),
        Err(_) => false,
    }
}

fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    }
}
