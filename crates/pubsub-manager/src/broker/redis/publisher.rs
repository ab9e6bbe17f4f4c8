//! Publishing to a Redis.

use super::{
    resp::{Part, Reply},
    url::RedisUrl,
    wire::Wire,
};
use crate::{Price, PublishError, Stock, broker::Lost};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};

/// How long Redis may take to answer before it counts as unreachable.
const ANSWER: Duration = Duration::from_secs(5);

/// A link to a Redis for publishing; clones share it.
#[derive(Clone)]
pub(crate) struct RedisPublisher(Arc<Shared>);

struct Shared {
    url: RedisUrl,
    prefix: String,
    /// The link while nobody uses it. Whoever publishes takes it out, so that one who gives up
    /// half-way takes along a link on which answers are still to come. The lock is tokio's because
    /// it is held while Redis answers: prices leave in the order of the calls.
    wire: Mutex<Option<Wire>>,
}

impl RedisPublisher {
    pub(crate) fn new(url: RedisUrl, prefix: &str) -> Self {
        Self(Arc::new(Shared {
            url,
            prefix: prefix.to_owned(),
            wire: Mutex::default(),
        }))
    }

    pub(crate) async fn publish_all(&self, prices: &[(Stock, Price)]) -> Result<u64, PublishError> {
        match timeout(ANSWER, self.try_publish(prices)).await {
            Ok(Ok(Ok(heard))) => Ok(heard),
            Ok(Ok(Err(reason))) => Err(PublishError::Refused { reason }),
            Ok(Err(Lost(reason))) => Err(PublishError::Unreachable { reason }),
            Err(_) => {
                let reason = format!("{} does not answer", self.0.url);
                Err(PublishError::Unreachable { reason })
            }
        }
    }

    /// How often the prices were heard, or why Redis would not have one of them.
    async fn try_publish(&self, prices: &[(Stock, Price)]) -> Result<Result<u64, String>, Lost> {
        let mut idle = self.0.wire.lock().await;
        let mut wire = match idle.take() {
            Some(wire) => wire,
            None => Wire::dial(&self.0.url).await?,
        };
        for (stock, price) in prices {
            let channel = format!("{}{stock}", self.0.prefix);
            wire.write(redis::cmd("PUBLISH").arg(channel).arg(price.as_str()));
        }
        let mut result = Ok(0);
        for _ in prices {
            let heard = wire.answer(receivers).await?;
            result = result.and_then(|sum| heard.map(|more| sum + more));
        }
        *idle = Some(wire);
        Ok(result)
    }
}

/// How many servers heard a price, or why none could.
fn receivers(reply: Reply<'_>) -> Result<u64, String> {
    match reply {
        Reply::One(Part::Integer(receivers)) => Ok(receivers),
        Reply::One(Part::Error(error)) => Err(String::from_utf8_lossy(error).into_owned()),
        _ => Err("what it answers is no answer to PUBLISH".into()),
    }
}

impl fmt::Debug for RedisPublisher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisPublisher({})", self.0.url)
    }
}
