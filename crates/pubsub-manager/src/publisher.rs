//! The other end of the broker: where prices are published.

#[cfg(feature = "redis")]
use crate::broker::redis::publisher::RedisPublisher;
use crate::{BrokerAddress, InProcess, Price, PublishError, Stock};

/// Publishes prices to the same broker that a manager follows. Clones share one link.
#[derive(Debug, Clone)]
pub struct Publisher(Road);

#[derive(Debug, Clone)]
enum Road {
    InProcess(InProcess),
    #[cfg(feature = "redis")]
    Redis(RedisPublisher),
}

impl Publisher {
    /// A publisher to this broker, whose channels have this prefix. The link is made at the first
    /// price, and again when it was lost.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables))]
    pub fn new(broker: &BrokerAddress, channel_prefix: &str) -> Self {
        Self(match broker {
            // Nobody shares a broker that nobody else can reach, so it needs no prefix.
            BrokerAddress::InProcess(broker) => Road::InProcess(broker.clone()),
            #[cfg(feature = "redis")]
            BrokerAddress::Redis(url) => {
                Road::Redis(RedisPublisher::new(url.clone(), channel_prefix))
            }
        })
    }

    /// Publishes a price, and returns how many servers heard it.
    ///
    /// # Errors
    /// See [`PublishError`]; the price may or may not have been heard.
    pub async fn publish(&self, stock: Stock, price: Price) -> Result<u64, PublishError> {
        self.publish_all(&[(stock, price)]).await
    }

    /// Publishes prices in one go, in this order, and returns how many times they were heard.
    ///
    /// # Errors
    /// See [`PublishError`]; any number of the prices may have been heard.
    pub async fn publish_all(&self, prices: &[(Stock, Price)]) -> Result<u64, PublishError> {
        match &self.0 {
            Road::InProcess(broker) => Ok(prices
                .iter()
                .map(|(stock, price)| broker.publish(*stock, *price))
                .sum()),
            #[cfg(feature = "redis")]
            Road::Redis(redis) => redis.publish_all(prices).await,
        }
    }
}
