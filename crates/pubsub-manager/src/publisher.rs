//! The other end of the broker: where prices are published.

use crate::{BrokerAddress, BrokerError, InProcess, Price, Stock};
#[cfg(feature = "redis")]
use redis_client::RedisPublisher;

/// Publishes prices to a broker, for every manager that is connected to it. Clones share one connection.
#[derive(Debug, Clone)]
pub struct Publisher(Target);

#[derive(Debug, Clone)]
enum Target {
    InProcess(InProcess),
    #[cfg(feature = "redis")]
    Redis(RedisPublisher, String),
    #[cfg(feature = "cluster")]
    RedisCluster(redis_client::ClusterPublisher, String),
}

impl Publisher {
    /// A publisher to this broker, whose channels have this prefix; a broker in this process is not
    /// shared and ignores it. It connects when the first price is published, and reconnects after a loss.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables))]
    pub fn new(broker: &BrokerAddress, channel_prefix: &str) -> Self {
        Self(match broker.clone() {
            BrokerAddress::InProcess(broker) => Target::InProcess(broker),
            #[cfg(feature = "redis")]
            BrokerAddress::Redis(url) => {
                Target::Redis(RedisPublisher::new(url), channel_prefix.to_owned())
            }
            #[cfg(feature = "cluster")]
            BrokerAddress::RedisCluster(cluster) => {
                let publisher = redis_client::ClusterPublisher::new(cluster);
                Target::RedisCluster(publisher, channel_prefix.to_owned())
            }
        })
    }

    /// Publishes prices together, in this order. Returns how many servers received them, summed over the
    /// prices: two prices to three servers are 6.
    ///
    /// # Errors
    /// See [`BrokerError`]; any number of the prices may have been received.
    pub async fn publish(&self, prices: &[(Stock, Price)]) -> Result<u64, BrokerError> {
        match &self.0 {
            Target::InProcess(broker) => {
                let received = prices
                    .iter()
                    .map(|(stock, price)| broker.publish(*stock, *price));
                Ok(received.sum())
            }
            #[cfg(feature = "redis")]
            Target::Redis(redis, prefix) => Ok(redis.publish(messages(prices, prefix)).await?),
            #[cfg(feature = "cluster")]
            Target::RedisCluster(cluster, prefix) => {
                Ok(cluster.publish(messages(prices, prefix)).await?)
            }
        }
    }
}

#[cfg(feature = "redis")]
fn messages<'a>(
    prices: &'a [(Stock, Price)],
    prefix: &str,
) -> impl Iterator<Item = (String, &'a str)> {
    let message =
        move |(stock, price): &'a (Stock, Price)| (format!("{prefix}{stock}"), price.as_str());
    prices.iter().map(message)
}
