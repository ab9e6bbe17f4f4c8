//! The broker that reaches every server: a Redis, by the `redis` crate.
//!
//! In the third version of its protocol one connection can subscribe and ask for other things too.
//! What is published comes as a push, and the crate gives it to a closure of ours, in the
//! connection's own task.

use super::{Broker, BrokerConnection, BrokerError, Events};
use crate::{RedisUrl, Stock};
use redis::{
    AsyncCommands, AsyncConnectionConfig, ErrorKind, PushInfo, PushKind, RedisError, Value,
    aio::MultiplexedConnection,
};
use std::{
    convert::Infallible,
    sync::{Arc, Once},
};
use tokio::sync::Notify;

/// A Redis, and what comes before a stock's name in its channel's.
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
        let delivered = Arc::new(Notify::new());
        let (prefix, our_probe) = (Arc::clone(&self.prefix), probe.clone());
        let probe_delivered = Arc::clone(&delivered);
        let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
            // The connection's task waits for us here, so this waits for nothing.
            match (&push.kind, push.data.as_slice()) {
                (PushKind::Message, [Value::BulkString(channel), Value::BulkString(message)]) => {
                    let name = channel.strip_prefix(prefix.as_bytes());
                    match Stock::from_bytes(name.unwrap_or_default()) {
                        Ok(stock) => events.message(stock, message),
                        Err(_) if channel == our_probe.as_bytes() => probe_delivered.notify_one(),
                        Err(_) => {}
                    }
                }
                (PushKind::Disconnection, _) => events.lost("Redis closed the connection"),
                _ => {}
            }
            Ok::<(), Infallible>(())
        });
        let connected = self.url.connect(config).await;
        let mut connection = connected.map_err(|error| {
            BrokerError::Lost(match error.into() {
                // It is there, so "no Redis" would send the reader the wrong way: a wrong password,
                // protected mode, too many clients.
                BrokerError::Refused(why) => format!("the Redis at {} refuses us: {why}", self.url),
                BrokerError::Lost(why) => format!("no Redis at {}: {why}", self.url),
            })
        })?;
        let subscribed = connection.subscribe(&probe).await;
        let probe = match subscribed.map_err(BrokerError::from) {
            Ok(()) => Some(probe),
            Err(BrokerError::Refused(reason)) => {
                log_refusal(&reason);
                None
            }
            Err(lost) => return Err(lost),
        };
        Ok(RedisConnection {
            redis: self.clone(),
            connection,
            probe,
            delivered,
        })
    }
}

/// A connection to a Redis. It ends when the last clone of the crate's connection is dropped.
pub(crate) struct RedisConnection {
    redis: Redis,
    connection: MultiplexedConnection,
    /// The channel on which we receive our own probes; none if Redis refuses it.
    probe: Option<String>,
    delivered: Arc<Notify>,
}

impl RedisConnection {
    fn channels(&self, stocks: &[Stock]) -> Vec<String> {
        let channel = |stock: &Stock| format!("{}{stock}", self.redis.prefix);
        stocks.iter().map(channel).collect()
    }

    /// Publishes over a connection that is made for it: after a failover, one that was made before
    /// may hang on a server that is no longer the master, where the probe would be delivered and
    /// no price.
    async fn publish_probe(&self, probe: &str) -> Result<(), BrokerError> {
        let config = AsyncConnectionConfig::new();
        let mut connection = self.redis.url.connect(config).await?;
        Ok(connection.publish(probe, "").await?)
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

    async fn probe(&self) -> Result<(), BrokerError> {
        if let Some(probe) = &self.probe {
            match self.publish_probe(probe).await {
                Ok(()) => {
                    self.delivered.notified().await;
                    return Ok(());
                }
                Err(BrokerError::Refused(reason)) => log_refusal(&reason),
                Err(lost) => return Err(lost),
            }
        }
        // A refusal is an answer too.
        let pong = self.connection.clone().ping().await;
        match pong.map_err(BrokerError::from) {
            Ok(()) | Err(BrokerError::Refused(_)) => Ok(()),
            Err(lost) => Err(lost),
        }
    }
}

/// Logs that there is no probe, once and not with each connection.
fn log_refusal(reason: &str) {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| tracing::warn!(reason, "Redis refuses our probes: PING takes their place"));
}

impl From<RedisError> for BrokerError {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => Self::Refused(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}
