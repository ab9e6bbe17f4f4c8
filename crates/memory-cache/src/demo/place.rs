//! Where copies are kept, and what is said of it.

use std::fmt;

use redis_client::RedisUrl;

/// Where copies are kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the memory of each server.
    EachServer,
    /// In a Redis that they share; the second is its address with the password.
    Redis(RedisUrl, String),
    /// Each read asks the database.
    Nowhere,
}

impl Place {
    pub(super) fn what_a_move_does(&self) -> &'static str {
        match self {
            Self::EachServer => "it forgets its copy; server 2 is not told",
            Self::Redis(..) => "it evicts the copy in Redis, which is everybody's",
            Self::Nowhere => "there is no copy",
        }
    }

    pub(super) fn try_next(&self) -> &'static str {
        match self {
            Self::EachServer => "--no-cache, then --redis redis://127.0.0.1:6379",
            Self::Redis(..) => "the same while Redis is stopped",
            Self::Nowhere => "--redis redis://127.0.0.1:6379, one cache for all servers",
        }
    }

    pub(super) fn age(&self, is_old: bool, time_to_live: std::time::Duration) -> String {
        match (is_old, self) {
            (true, _) => {
                let longest = humantime::format_duration(time_to_live);
                format!("old for at most {longest}")
            }
            (false, Self::Redis(..)) => "old for one hop".to_owned(),
            (false, _) => "never old".to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EachServer => out.write_str("a cache in each"),
            Self::Redis(..) => out.write_str("one cache in a Redis"),
            Self::Nowhere => out.write_str("no cache"),
        }
    }
}
