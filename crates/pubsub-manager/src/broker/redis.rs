//! The broker that reaches every server: a Redis, by the `redis` crate.
//!
//! In the third version of its protocol one connection can subscribe and send other commands too.
//! Published messages arrive as pushes, and the crate gives them to a closure of ours, in the
//! connection's own task.

mod probes;

use super::{Broker, BrokerConnection, BrokerError, Events, StoredPrice};
use crate::{RedisUrl, Stock};
pub(crate) use probes::Probes;
use redis::{
    AsyncCommands, AsyncConnectionConfig, ErrorKind, PushInfo, PushKind, RedisError, Value,
    aio::MultiplexedConnection,
};
use redis_client::{in_words, last_price_key};
use std::{
    convert::Infallible,
    sync::{Arc, Once},
};

/// A Redis, and the prefix of its channels' names.
#[derive(Clone)]
pub(crate) struct Redis {
    url: RedisUrl,
    prefix: Arc<str>,
}

impl Redis {
    pub(crate) fn new(url: RedisUrl, prefix: &str) -> Self {
        Self {
            url,
            prefix: prefix.into(),
        }
    }
}

impl Broker for Redis {
    type Connection = RedisConnection;

    async fn connect(&self, events: Arc<Events>) -> Result<RedisConnection, BrokerError> {
        // Stocks have no lower case, so this channel cannot be a stock's.
        let probe = format!("{}probe.{:016x}", self.prefix, fastrand::u64(..));
        let probes = Arc::new(Probes::default());
        let (prefix, our_probe) = (Arc::clone(&self.prefix), probe.clone());
        let received_probes = Arc::clone(&probes);
        let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
            // The connection's task is blocked while this runs, so nothing here waits.
            match (&push.kind, push.data.as_slice()) {
                (PushKind::Message, [Value::BulkString(channel), Value::BulkString(message)]) => {
                    let name = channel.strip_prefix(prefix.as_bytes());
                    match Stock::from_bytes(name.unwrap_or_default()) {
                        Ok(stock) => events.message(stock, message),
                        Err(_) if channel == our_probe.as_bytes() => {
                            received_probes.deliver(message);
                        }
                        // We subscribed to nothing else, so only a faulty proxy could send it, and it is
                        // no user's price.
                        Err(_) => {}
                    }
                }
                (PushKind::Disconnection, _) => events.lost("Redis closed the connection"),
                // The confirmations of subscribe and unsubscribe: the crate answers the command by them.
                _ => {}
            }
            Ok::<(), Infallible>(())
        });
        let connected = self.url.connect(config).await;
        let mut connection = connected.map_err(|error| not_connected(&self.url, error))?;
        let probe = match connection.subscribe(&probe).await {
            Ok(()) => Some(probe),
            Err(error) if is_forbidden(&error) => {
                log_refusal(&error);
                None
            }
            // Any other refusal means that this server does not deliver. Without a probe it would be called
            // live because it answers PING.
            Err(error) => return Err(BrokerError::Lost(in_words(&error))),
        };
        Ok(RedisConnection {
            redis: self.clone(),
            connection,
            probe,
            probes,
        })
    }
}

/// A connection to a Redis. It ends when the last clone of the crate's connection is dropped.
pub(crate) struct RedisConnection {
    redis: Redis,
    connection: MultiplexedConnection,
    /// The channel on which we receive our own probes, or none if an ACL forbids it.
    probe: Option<String>,
    probes: Arc<Probes>,
}

impl RedisConnection {
    fn channels(&self, stocks: &[Stock]) -> Vec<String> {
        let channel = |stock: &Stock| format!("{}{stock}", self.redis.prefix);
        stocks.iter().map(channel).collect()
    }

    /// Publishes over a connection of its own. After a failover an older connection may still lead to
    /// the former master, which would deliver the probe and no price.
    async fn publish_probe(&self, channel: &str, number: u64) -> Result<(), RedisError> {
        let connected = self.redis.url.connect(AsyncConnectionConfig::new()).await;
        let mut connection = match connected {
            // A Redis that has as many clients as it takes still serves those that it has.
            Err(error) if is_refusal(&error) => self.connection.clone(),
            connected => connected?,
        };
        connection.publish(channel, number).await
    }
}

impl BrokerConnection for RedisConnection {
    async fn subscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        let channels = self.channels(stocks);
        Ok(self.connection.clone().subscribe(channels).await?)
    }

    async fn unsubscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        let channels = self.channels(stocks);
        Ok(self.connection.clone().unsubscribe(channels).await?)
    }

    /// Over the connection that is subscribed, and no other. Redis answers in the order of its commands,
    /// so the prices that were published before MGET are in front of its answer, and the crate has given
    /// them to our closure by then.
    ///
    /// Over a second connection that is false. Prices 1 and 2 are published and wait in the socket of the
    /// first, because this server or the network is busy; the second answers 2. No price has come yet, so
    /// users are sent 2, then 1.
    async fn last_prices(&self, stocks: &[Stock]) -> Result<Vec<StoredPrice>, BrokerError> {
        let channels = self.channels(stocks);
        let keys: Vec<String> = channels.iter().map(|name| last_price_key(name)).collect();
        let stored: Vec<Option<Vec<u8>>> = self.connection.clone().mget(keys).await?;
        let found = stocks.iter().zip(stored);
        Ok(found
            .filter_map(|(stock, stored)| Some((*stock, stored?)))
            .collect())
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        if let Some(channel) = &self.probe {
            let number = self.probes.next();
            match self.publish_probe(channel, number).await {
                Ok(()) => {
                    self.probes.delivered(number).await;
                    return Ok(());
                }
                Err(error) if is_forbidden(&error) => log_refusal(&error),
                // An unknown command, for instance: it does not prove that Redis delivers.
                Err(error) => {
                    let reason = format!("our probe cannot be published: {}", in_words(&error));
                    return Err(BrokerError::Lost(reason));
                }
            }
        }
        // No probe can be sent. An answer proves that the connection is alive, and a refusal is one.
        let pong = self.connection.clone().ping().await;
        match pong.map_err(BrokerError::from) {
            Ok(()) | Err(BrokerError::Refused(_)) => Ok(()),
            Err(lost) => Err(lost),
        }
    }
}

/// Why a new connection is of no use.
pub(crate) fn not_connected(url: &RedisUrl, error: RedisError) -> BrokerError {
    BrokerError::Lost(match error.into() {
        // It is up, so "no Redis" would mislead the reader: the cause is a wrong password, protected
        // mode, or too many clients.
        BrokerError::Refused(why) => format!("the Redis at {url} refuses us: {why}"),
        BrokerError::Lost(why) => format!("no Redis at {url}: {why}"),
    })
}

/// Logs that there is no probe, once and not for each connection.
pub(crate) fn log_refusal(error: &RedisError) {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        let reason = in_words(error);
        tracing::warn!(reason, "Redis refuses our probes: PING takes their place");
    });
}

/// Whether an ACL refuses the command or its channel. A person may have allowed us the stocks and
/// nothing else, and then the feed works without a probe.
pub(crate) fn is_forbidden(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
}

/// Whether Redis answered, and refused.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

impl From<RedisError> for BrokerError {
    fn from(error: RedisError) -> Self {
        if is_refusal(&error) {
            Self::Refused(in_words(&error))
        } else {
            Self::Lost(in_words(&error))
        }
    }
}
