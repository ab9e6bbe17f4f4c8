//! Publishing over one connection, which is made again when it was lost.

use crate::{RedisUrl, last_price::set_last_prices, refusal::is_refusal, transaction::executed};
use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, Pipeline, RedisError,
    aio::MultiplexedConnection,
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};

/// How long Redis may take to answer.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes messages to a Redis. Clones share one connection.
#[derive(Clone)]
pub struct RedisPublisher(Arc<Inner>);

struct Inner {
    url: RedisUrl,
    /// A call takes the connection out and puts it back when all is answered: a call that was
    /// dropped half-way takes along a connection on which answers are still to come. The lock is
    /// tokio's because it is held while Redis answers: messages leave in the order of the calls.
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What became of messages that were to be stored and published.
#[derive(Debug, Default)]
pub struct Published {
    /// How many subscribers received them, summed over the messages.
    pub received: u64,
    /// Why Redis refused to store some of them, which were then published only.
    pub not_stored: Option<RedisError>,
}

impl RedisPublisher {
    /// A publisher that connects with the first message.
    pub fn new(url: RedisUrl) -> Self {
        let connection = Mutex::default();
        Self(Arc::new(Inner { url, connection }))
    }

    /// Publishes messages, each on its channel, in this order. Returns how many subscribers received
    /// them, summed over the messages.
    ///
    /// # Errors
    /// Redis refused one of them, was lost, or did not answer in five seconds: any number of the
    /// messages may have been published.
    pub async fn publish<'a>(
        &self,
        messages: impl IntoIterator<Item = (String, &'a str)>,
    ) -> Result<u64, RedisError> {
        let mut commands = redis::pipe();
        for (channel, message) in messages {
            commands.publish(channel, message);
        }
        let received: Vec<u64> = self.send(&commands).await?;
        Ok(received.into_iter().sum())
    }

    /// Publishes messages as [`publish`](Self::publish) does, and stores the last one of each channel under
    /// its [`last_price_key`](crate::last_price_key), in one transaction: who is subscribed and reads the key has received every
    /// message up to the stored one. Redis forgets it after `time_to_live`, in whole
    /// seconds, between one and a year.
    ///
    /// If Redis refuses the transaction (it is full, or an ACL forbids it), they are published only.
    ///
    /// # Errors
    /// As above.
    pub async fn store_and_publish(
        &self,
        messages: &[(String, &str)],
        time_to_live: Duration,
    ) -> Result<Published, RedisError> {
        if messages.is_empty() {
            return Ok(Published::default());
        }
        let sent = messages
            .iter()
            .map(|(channel, message)| (channel.as_str(), *message));
        let sets = set_last_prices(sent.clone(), time_to_live);
        let stored = sets.len();
        let mut commands = redis::pipe();
        commands.ignore_errors().cmd("MULTI");
        for command in sets {
            commands.add_command(command);
        }
        for (channel, message) in sent {
            commands.publish(channel, message);
        }
        commands.cmd("EXEC");
        let (received, not_stored) = match executed(self.send(&commands).await?, stored) {
            Ok((answers, not_stored)) => {
                let mut received = 0;
                for answer in answers {
                    received += u64::from_redis_value(answer?)?;
                }
                (received, not_stored)
            }
            Err(reason) => (self.publish(messages.iter().cloned()).await?, reason),
        };
        Ok(Published {
            received,
            not_stored,
        })
    }

    /// Returns the answers.
    async fn send<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<Vec<T>, RedisError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let publish = async {
            let mut kept = self.0.connection.lock().await;
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.0.url.connect(AsyncConnectionConfig::new()).await?,
            };
            let result = commands.query_async(&mut connection).await;
            // A refusal is an answer: the connection is as good as before.
            if result.as_ref().err().is_none_or(is_refusal) {
                *kept = Some(connection);
            }
            result
        };
        timeout(REPLY_TIMEOUT, publish)
            .await
            .unwrap_or_else(|_| Err((ErrorKind::Io, "Redis does not answer").into()))
    }
}

impl fmt::Debug for RedisPublisher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisPublisher({})", self.0.url)
    }
}
