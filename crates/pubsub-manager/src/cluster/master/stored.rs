//! Reads stored prices over a connection whose answers can be those of other commands.

#[cfg(test)]
mod tests;

use super::Master;
use crate::{
    Stock,
    broker::{BrokerError, StoredPrice, redis::is_forbidden},
};
use backon::{BackoffBuilder, ExponentialBuilder};
use redis::{RedisError, Value, from_redis_value};
use redis_client::{is_redirected, last_price_key};
use std::time::Duration;
use tokio::time::sleep;

/// The pauses before a read is repeated, a quarter of a second together. They let the connection become
/// idle, and then the crate drops the answers that have no command.
const READ_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(1))
    .with_max_delay(Duration::from_millis(128))
    .with_max_times(8)
    .with_jitter();

impl Master {
    /// Reads over the connection that is subscribed, as a single Redis is read, so that every price that was
    /// published before the read has come when this returns.
    pub(in crate::cluster) async fn last_prices(
        &self,
        stocks: &[Stock],
    ) -> Result<Vec<StoredPrice>, BrokerError> {
        let names = self.names(stocks);
        let keys: Vec<String> = names.iter().map(|name| last_price_key(name)).collect();
        for pause in READ_PAUSES.build() {
            let nonce = format!("{:016x}", fastrand::u64(..));
            let mut read = redis::pipe();
            read.cmd("MGET").arg(&keys).cmd("ECHO").arg(&nonce);
            read.ignore_errors();
            let mut connection = self.connection.clone();
            let answers: Vec<Result<Value, RedisError>> = read.query_async(&mut connection).await?;
            match proven(answers, &nonce) {
                Some(Ok(stored)) => {
                    let stored: Vec<Option<Vec<u8>>> =
                        from_redis_value(stored).map_err(RedisError::from)?;
                    let found = stocks.iter().zip(stored);
                    let found = found.filter_map(|(stock, stored)| Some((*stock, stored?)));
                    return Ok(found.collect());
                }
                Some(Err(error)) if !is_redirected(&error) => return Err(error.into()),
                // The slot is another master's, or will be, or the cluster is down for a moment because
                // some other master is lost. If this read ended the subscriber, the users of the slot
                // would be sent `stale` although their prices come. A slot that was moved has ended it
                // by its push already, and the next subscriber reads.
                Some(Err(_)) | None => sleep(pause).await,
            }
        }
        Ok(Vec::new())
    }
}

/// The answer to the MGET of a read; none if the answers can be those of other commands.
///
/// A push that the crate takes for an answer ends the oldest command, and from then on each command is given
/// what answers the one before it: an MGET alone would give one stock's price to another. So an ECHO with a
/// new nonce follows. Redis answers in order, and no other answer has this nonce. So the one directly before
/// it is the MGET's: if a push came between them it stands there instead, and is seen to be a push.
fn proven(
    answers: Vec<Result<Value, RedisError>>,
    nonce: &str,
) -> Option<Result<Value, RedisError>> {
    let [stored, echo] = <[_; 2]>::try_from(answers).ok()?;
    match (stored, echo) {
        (stored @ (Ok(Value::Array(_)) | Err(_)), Ok(Value::BulkString(echo)))
            if echo == nonce.as_bytes() =>
        {
            Some(stored)
        }
        // Whichever ECHO is answered by this, the next one will be, too.
        (_, Err(error)) if is_forbidden(&error) && error.to_string().contains("'echo'") => {
            Some(Err(error))
        }
        _ => None,
    }
}
