//! The other end of the broker: where prices are published.

use crate::{BrokerAddress, BrokerError, InProcess, Price, Stock};
#[cfg(feature = "redis")]
use redis_client::{Published, RedisPublisher, in_words};
#[cfg(feature = "redis")]
use std::{sync::Once, time::Duration};

/// How long a Redis keeps the last price of a stock that is not published any more.
#[cfg(feature = "redis")]
const LAST_PRICE_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Publishes prices to a broker, for every manager that is connected to it. Clones share one connection.
#[derive(Debug, Clone)]
pub struct Publisher {
    target: Target,
    #[cfg(feature = "redis")]
    channel_prefix: String,
    #[cfg(feature = "redis")]
    last_price_ttl: Duration,
}

#[derive(Debug, Clone)]
enum Target {
    InProcess(InProcess),
    #[cfg(feature = "redis")]
    Redis(RedisPublisher),
    #[cfg(feature = "cluster")]
    RedisCluster(redis_client::ClusterPublisher),
}

impl Publisher {
    /// A publisher to this broker, whose channels have this prefix; a broker in this process is not
    /// shared and ignores it. It connects when the first price is published, and reconnects after a loss.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables))]
    pub fn new(broker: &BrokerAddress, channel_prefix: &str) -> Self {
        Self {
            target: match broker.clone() {
                BrokerAddress::InProcess(broker) => Target::InProcess(broker),
                #[cfg(feature = "redis")]
                BrokerAddress::Redis(url) => Target::Redis(RedisPublisher::new(url)),
                #[cfg(feature = "cluster")]
                BrokerAddress::RedisCluster(cluster) => {
                    Target::RedisCluster(redis_client::ClusterPublisher::new(cluster))
                }
            },
            #[cfg(feature = "redis")]
            channel_prefix: channel_prefix.to_owned(),
            #[cfg(feature = "redis")]
            last_price_ttl: LAST_PRICE_TTL,
        }
    }

    /// How long a Redis keeps the last price of a stock that is not published any more: whole seconds, a
    /// day by default. With zero, prices are published and not stored.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn with_last_price_ttl(mut self, ttl: Duration) -> Self {
        self.last_price_ttl = ttl;
        self
    }

    /// Publishes prices together, in this order. Returns how many servers received them, summed over the
    /// prices: two prices to three servers are 6.
    ///
    /// The last price of each stock is stored in the same step, for the first user who subscribes to it on
    /// a server. A Redis that refuses to store (it is full, or an ACL forbids it) is sent the prices to
    /// publish only.
    ///
    /// # Errors
    /// See [`BrokerError`]; any number of the prices may have been received.
    pub async fn publish(&self, prices: &[(Stock, Price)]) -> Result<u64, BrokerError> {
        match &self.target {
            Target::InProcess(broker) => {
                let received = prices
                    .iter()
                    .map(|(stock, price)| broker.publish(*stock, *price));
                Ok(received.sum())
            }
            #[cfg(feature = "redis")]
            Target::Redis(redis) => {
                let messages = self.messages(prices);
                if self.last_price_ttl.is_zero() {
                    return Ok(redis.publish(messages).await?);
                }
                let messages: Vec<(String, &str)> = messages.collect();
                let published = redis.store_and_publish(&messages, self.last_price_ttl);
                Ok(received(published.await?))
            }
            #[cfg(feature = "cluster")]
            Target::RedisCluster(cluster) => {
                let messages = self.messages(prices);
                if self.last_price_ttl.is_zero() {
                    return Ok(cluster.publish(messages).await?);
                }
                let published = cluster.store_and_publish(messages, self.last_price_ttl);
                Ok(received(published.await?))
            }
        }
    }

    /// Prices with the names of their channels.
    #[cfg(feature = "redis")]
    fn messages<'a>(
        &self,
        prices: &'a [(Stock, Price)],
    ) -> impl Iterator<Item = (String, &'a str)> {
        let prefix = &self.channel_prefix;
        let message =
            move |(stock, price): &'a (Stock, Price)| (format!("{prefix}{stock}"), price.as_str());
        prices.iter().map(message)
    }
}

/// How many servers received the prices. Logs that last prices are not stored, once and not with each
/// price.
#[cfg(feature = "redis")]
fn received(published: Published) -> u64 {
    static LOGGED: Once = Once::new();
    if let Some(refusal) = published.not_stored {
        LOGGED.call_once(|| {
            let reason = in_words(&refusal);
            let instead =
                "prices are published only, and who subscribes later waits for the next one";
            tracing::warn!(reason, instead, "Redis refuses to store last prices");
        });
    }
    published.received
}
