//! The cache of servers that share a Redis.

use std::sync::Arc;
use std::time::Duration;

use game::GameId;
use redis_client::RedisUrl;

use super::{Answer, Away, CommonCache, Kept};
use crate::counted::Counts;
use crate::shared::redis_connection::RedisConnection;

/// An answer is `VERSION MICROSECONDS`, which is what its load took. After a change it is `VERSION -`,
/// which is no answer.
const GET: &str = "return {redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1])}";

/// Puts an answer in unless what is there is newer.
const PUT: &str = r#"
local kept = redis.call('GET', KEYS[1])
local version = kept and tonumber(kept:match('^%d+'))
if version and version > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
"#;

/// A holder whose lease has ended must not end the lease of the next one.
const RELEASE: &str = r#"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"#;

/// Clones share one connection.
#[derive(Clone)]
pub struct InRedis {
    redis: RedisConnection,
    /// Of this run, because a Redis outlives it.
    prefix: Arc<str>,
}

impl InRedis {
    /// Waits for a first attempt to connect, for a second at most. A Redis that does not answer in the
    /// time of `reply_timeout` is away. What is wrong with it is in the counts.
    pub async fn new(
        url: RedisUrl,
        run: u32,
        reply_timeout: Duration,
        counts: Arc<Counts>,
    ) -> Self {
        Self {
            redis: RedisConnection::new(url, reply_timeout, None, counts).await,
            prefix: format!("memory-cache:fleet-{run:x}:").into(),
        }
    }

    async fn eval<T: redis::FromRedisValue>(
        &self,
        script: &str,
        key: String,
        arguments: &[String],
    ) -> Result<T, Away> {
        let mut eval = redis::cmd("EVAL");
        eval.arg(script).arg(1).arg(key).arg(arguments);
        self.redis.ask(&eval).await.map_err(|_| Away)
    }

    async fn set(
        &self,
        id: &GameId,
        answer: Answer,
        text: String,
        live: Duration,
    ) -> Result<(), Away> {
        let arguments = [answer.version().to_string(), text, milliseconds(live)];
        self.eval::<u64>(PUT, self.key(id), &arguments).await?;
        Ok(())
    }

    fn key(&self, id: &GameId) -> String {
        format!("{}{id}", self.prefix)
    }

    fn lease_key(&self, id: &GameId) -> String {
        format!("{}{id}:lease", self.prefix)
    }
}

impl CommonCache for InRedis {
    async fn get(&self, id: &GameId) -> Result<Option<Kept>, Away> {
        let (text, left): (String, i64) = self.eval(GET, self.key(id), &[]).await?;
        let kept = || {
            let (version, micros) = text.split_once(' ')?;
            Some(Kept {
                answer: Answer::of_version(version.parse().ok()?)?,
                load_took: Duration::from_micros(micros.parse().ok()?),
                ends_in: Duration::from_millis(left.try_into().ok()?),
            })
        };
        Ok(kept())
    }

    async fn put(&self, id: &GameId, kept: Kept) -> Result<(), Away> {
        let took = kept.load_took.as_micros().to_string();
        self.set(id, kept.answer, took, kept.ends_in).await
    }

    async fn end_before(&self, id: &GameId, newest: Answer, awhile: Duration) -> Result<(), Away> {
        self.set(id, newest, "-".to_owned(), awhile).await
    }

    async fn lease(&self, id: &GameId, holder: u64, at_most: Duration) -> Result<bool, Away> {
        let mut set = redis::cmd("SET");
        let (key, at_most) = (self.lease_key(id), milliseconds(at_most));
        set.arg(key).arg(holder).arg("NX").arg("PX").arg(at_most);
        let taken: Option<String> = self.redis.ask(&set).await.map_err(|_| Away)?;
        Ok(taken.is_some())
    }

    async fn release(&self, id: &GameId, holder: u64) -> Result<(), Away> {
        let arguments = [holder.to_string()];
        self.eval::<u64>(RELEASE, self.lease_key(id), &arguments)
            .await?;
        Ok(())
    }
}

/// Redis refuses a time to live of nothing.
fn milliseconds(time: Duration) -> String {
    time.as_millis().max(1).to_string()
}
