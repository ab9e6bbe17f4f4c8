//! `--redis URL`, for programs whose command line clap reads.

use crate::{BadRedisUrl, RedisAddress, RedisUrl};
use std::{convert::Infallible, fmt, str::FromStr};

/// The value of `--redis` or of `REDIS_URL`; an empty variable means none.
///
/// Reading it never fails, because clap repeats a bad value in its message, and this one may hold a
/// password. [`address`](Self::address) says what is wrong, and a command that needs no Redis does not
/// ask.
#[derive(Clone)]
pub struct RedisFlag {
    text: String,
    address: Result<Option<RedisAddress>, BadRedisUrl>,
}

impl RedisFlag {
    /// The address, if one was given.
    ///
    /// # Errors
    /// What was given is not an address.
    pub fn address(&self) -> Result<Option<RedisAddress>, BadRedisUrl> {
        self.address.clone()
    }

    /// The address for a program that uses one Redis, and cannot use a cluster.
    ///
    /// # Errors
    /// What was given is not the address of one Redis.
    pub fn url(&self) -> Result<Option<RedisUrl>, BadRedisUrl> {
        Ok(match self.address()? {
            None => None,
            Some(RedisAddress::One(url)) => Some(url),
            #[cfg(feature = "cluster")]
            Some(RedisAddress::Cluster(_)) => {
                let reason = "it is a cluster's, and this program uses one Redis";
                return Err(BadRedisUrl { reason });
            }
        })
    }

    /// What was given, to be handed to a child process; it may hold a password.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for RedisFlag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisFlag({:?})", self.address)
    }
}

impl FromStr for RedisFlag {
    type Err = Infallible;

    fn from_str(value: &str) -> Result<Self, Infallible> {
        let address = if value.is_empty() {
            Ok(None)
        } else {
            value.parse().map(Some)
        };
        let text = value.to_owned();
        Ok(Self { text, address })
    }
}
