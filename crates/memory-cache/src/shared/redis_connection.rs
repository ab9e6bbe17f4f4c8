//! The connection to the Redis, which may be away, frozen or unwilling.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use program::within;
use redis::aio::MultiplexedConnection;
use redis::{
    Arg, AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, PushInfo, PushKind, RedisError,
};
use redis_client::{RedisUrl, in_words};
use tokio::time::{Instant, sleep};

use super::own_copies::OwnCopies;
use crate::counted::Counts;

/// How long a request waits for Redis: a database that is asked directly is slower, and right.
pub(super) const REPLY_TIMEOUT: Duration = Duration::from_millis(50);
/// How long one attempt to connect may take. No request waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before the next attempt to connect.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often a connection with copies of our own is probed. Answers from them send nothing, so a Redis
/// that is frozen, or whose machine is gone, would never be noticed, and its pushes do not come.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// A connection that is used while Redis answers in time. Clones share it.
#[derive(Clone)]
pub(crate) struct RedisConnection(Arc<Inner>);

struct Inner {
    url: RedisUrl,
    /// How long a command waits for its answer.
    reply_timeout: Duration,
    /// How many copies of our own each connection may have, and how long they may be used.
    own: Option<(u64, Duration)>,
    /// Written by the one task that connects, and by a command that got no answer. No guard crosses an
    /// await: the first version held it for a connect of 250 ms, and with a frozen Redis all requests
    /// queued behind it until their own ten seconds were over.
    state: Mutex<State>,
    counts: Arc<Counts>,
}

enum State {
    Connected(Line),
    /// A task is at it.
    Connecting,
    AwayUntil(Instant),
}

/// One connection, from when it was made until it is lost.
#[derive(Clone)]
pub(super) struct Line {
    redis: MultiplexedConnection,
    /// Names it among the connections that were here before.
    since: Instant,
    /// What was read on it, if Redis was asked to push what becomes old.
    pub(super) own: Option<OwnCopies>,
}

/// Why there is no answer; it was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Redis cannot be reached, or not in time.
    Away,
    /// Redis answered with an error.
    Refused,
    /// Another program keeps a value of another type under our key.
    WrongType,
}

impl RedisConnection {
    /// Makes the first attempt, so that the first request finds a Redis that is there.
    pub(crate) async fn new(
        url: RedisUrl,
        reply_timeout: Duration,
        own: Option<(u64, Duration)>,
        counts: Arc<Counts>,
    ) -> Self {
        let connection = Self(Arc::new(Inner {
            url,
            reply_timeout,
            own,
            state: Mutex::new(State::Connecting),
            counts,
        }));
        connection.connect().await;
        connection
    }

    /// Sends one command. While Redis is away, this returns at once.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, NoAnswer> {
        let line = self.line().ok_or(NoAnswer::Away)?;
        self.ask_on(&line, command).await
    }

    /// The same on the connection whose own copies the answer belongs to.
    pub(super) async fn ask_on<T: FromRedisValue>(
        &self,
        line: &Line,
        command: &Cmd,
    ) -> Result<T, NoAnswer> {
        let (mut redis, since) = (line.redis.clone(), line.since);
        let name = name(command);
        match within(self.0.reply_timeout, command.query_async(&mut redis)).await {
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
                self.lost(since, &self.no_answer());
                Err(NoAnswer::Away)
            }
        }
    }

    /// The connection; none while there is none. The first who finds that the pause is over begins the
    /// next attempt, and does not wait for it either.
    pub(super) fn line(&self) -> Option<Line> {
        let mut state = self.state();
        match &*state {
            State::Connected(line) => Some(line.clone()),
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
            let line = self.new_line().await?;
            let is_in_time = self.answers_in_time(line.redis.clone()).await;
            Ok::<_, RedisError>(is_in_time.then_some(line))
        });
        let why = match attempt.await {
            Ok(Ok(Some(line))) => {
                if line.own.is_some() {
                    tokio::spawn(probe(Arc::downgrade(&self.0), line.since));
                }
                *self.state() = State::Connected(line);
                if self.0.counts.end_trouble(CONNECTION) {
                    tracing::warn!("{} answers again", self.0.url);
                }
                return;
            }
            Ok(Ok(None)) => self.no_answer(),
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

    async fn new_line(&self) -> Result<Line, RedisError> {
        let (since, mut config) = (Instant::now(), AsyncConnectionConfig::new());
        let own = self
            .0
            .own
            .map(|(capacity, live)| OwnCopies::new(capacity, live));
        if let Some(own) = own.clone() {
            let inner = Arc::downgrade(&self.0);
            config = config.set_push_sender(move |push| heed(&push, &own, &inner, since));
        }
        let mut redis = self.0.url.connect(config).await?;
        if own.is_some() {
            let tracking = redis::cmd("CLIENT").arg("TRACKING").arg("ON").to_owned();
            // Not NOLOOP: a change of our own ends the copy in Redis, too, and Redis then forgets that we read it.
            tracking.query_async::<()>(&mut redis).await?;
        }
        Ok(Line { redis, since, own })
    }

    /// Gives this connection up, unless there is a newer one: of many commands that wait, each times out.
    fn lost(&self, since: Instant, why: &str) {
        {
            let mut state = self.state();
            if !matches!(&*state, State::Connected(line) if line.since == since) {
                return;
            }
            // Its own copies go with it: Redis would no longer push that one of them is old.
            *state = State::AwayUntil(Instant::now() + RETRY_AFTER);
        }
        self.away(why);
    }

    /// A Redis that answers only after 300 ms accepts connections; used, it would slow down every request.
    async fn answers_in_time(&self, mut redis: MultiplexedConnection) -> bool {
        let ping = redis::cmd("PING");
        match within(self.0.reply_timeout, ping.query_async::<()>(&mut redis)).await {
            Ok(Ok(())) => true,
            // A user that may not send PING is answered, too.
            Ok(Err(error)) => is_refusal(&error),
            Err(_) => false,
        }
    }

    fn no_answer(&self) -> String {
        format!("no answer in {:?}", self.0.reply_timeout)
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

/// Runs in the task that reads the connection, before that task hands out the next answer.
fn heed(
    push: &PushInfo,
    own: &OwnCopies,
    inner: &Weak<Inner>,
    since: Instant,
) -> Result<(), Infallible> {
    own.heed(push);
    if push.kind == PushKind::Disconnection
        && let Some(inner) = inner.upgrade()
    {
        RedisConnection(inner).lost(since, "it has closed the connection");
    }
    Ok(())
}

/// Checks whether a connection still answers, until it is lost.
async fn probe(inner: Weak<Inner>, since: Instant) {
    loop {
        sleep(PROBE_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        let connection = RedisConnection(inner);
        let redis = match &*connection.state() {
            State::Connected(line) if line.since == since => line.redis.clone(),
            _ => return,
        };
        if !connection.answers_in_time(redis).await {
            connection.lost(since, &connection.no_answer());
        }
    }
}

/// The name under which a trouble of the connection itself is kept, among those of commands.
const CONNECTION: &str = "the connection";

fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    }
}
