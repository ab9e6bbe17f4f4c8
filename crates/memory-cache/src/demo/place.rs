//! Where copies are kept, and what is said of it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use redis_client::RedisUrl;

use crate::counted::Counted;

/// Where copies are kept.
#[derive(Clone, Debug)]
pub enum CopyPlace {
    /// In the memory of each server.
    EachServer,
    /// In a Redis that they share.
    Redis(RedisPlace),
    /// There, and in the memory of each server what it has read there, until the Redis pushes that it is
    /// old.
    Tracked(RedisPlace),
    /// Each read asks the database.
    Nowhere,
}

/// The address of a Redis. Only its servers are given the password: it is never printed.
#[derive(Clone)]
pub struct RedisPlace {
    /// Prints itself without the password.
    pub url: RedisUrl,
    text: String,
}

impl RedisPlace {
    /// An address, and the text that it was read from.
    pub fn new(url: RedisUrl, text: &str) -> Self {
        Self {
            url,
            text: text.to_owned(),
        }
    }

    /// The address with its password, for the environment of a server.
    pub(super) fn text_with_password(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for RedisPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisPlace({})", self.url)
    }
}

impl CopyPlace {
    pub(super) fn what_a_move_does(&self) -> &'static str {
        match self {
            Self::EachServer => "it forgets its copy; server 2 is not told",
            Self::Redis(..) => "it evicts the copy in Redis, which is everybody's",
            Self::Tracked(..) => "it evicts the copy in Redis, which tells server 2",
            Self::Nowhere => "there is no copy",
        }
    }

    pub(super) fn try_next(&self) -> &'static str {
        match self {
            Self::EachServer => "--no-cache, then --redis redis://127.0.0.1:6379",
            Self::Redis(..) => "the same while Redis is stopped, then with --tracking",
            Self::Tracked(..) => "the same while Redis is stopped",
            Self::Nowhere => "--redis redis://127.0.0.1:6379, one cache for all servers",
        }
    }

    /// How old an answer may be, as far as this run has shown.
    pub(super) fn age(&self, seen: &Seen, time_to_live: Duration) -> String {
        match self {
            _ if seen.old_copy || seen.late_evictions > 0 => {
                let longest = humantime::format_duration(time_to_live);
                format!("old for at most {longest}")
            }
            Self::Redis(_) | Self::Tracked(_) if seen.troubles.is_empty() => {
                "old for one hop".to_owned()
            }
            Self::Redis(_) | Self::Tracked(_) => "Redis is no help".to_owned(),
            Self::EachServer | Self::Nowhere => "never old".to_owned(),
        }
    }
}

/// What a run has shown about the age of copies.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A server answered with a copy from before a move, and nothing but the time to live ended it.
    pub(super) old_copy: bool,
    /// See [`Counted::late_evictions`](crate::counted::Counted::late_evictions).
    pub(super) late_evictions: u64,
    /// What was wrong with the Redis.
    pub(super) troubles: BTreeSet<String>,
}

impl Seen {
    pub(super) fn add(&mut self, counted: &[Counted; 2]) {
        for counted in counted {
            self.late_evictions += counted.late_evictions;
            self.troubles.extend(counted.troubles.iter().cloned());
        }
    }
}

impl fmt::Display for CopyPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EachServer => out.write_str("a cache in each"),
            Self::Redis(..) => out.write_str("one cache in a Redis"),
            Self::Tracked(..) => out.write_str("a tracked cache in each"),
            Self::Nowhere => out.write_str("no cache"),
        }
    }
}
