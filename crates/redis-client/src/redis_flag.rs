//! `--redis URL`, for programs whose command line clap reads.

use crate::{BadRedisUrl, RedisUrl};
use std::{convert::Infallible, fmt, str::FromStr};

/// The value of `--redis` or of `REDIS_URL`; an empty variable means none.
///
/// Reading it never fails, because clap repeats a bad value in its message, and this one may hold a
/// password. [`url`](Self::url) says what is wrong, and a command that needs no Redis does not ask.
#[derive(Clone)]
pub struct RedisFlag {
    text: String,
    url: Result<Option<RedisUrl>, BadRedisUrl>,
}

impl RedisFlag {
    /// The address, if one was given.
    ///
    /// # Errors
    /// What was given is not an address.
    pub fn url(&self) -> Result<Option<RedisUrl>, BadRedisUrl> {
        self.url.clone()
    }

    /// What was given, to be handed to a child process; it may hold a password.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for RedisFlag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisFlag({:?})", self.url)
    }
}

impl FromStr for RedisFlag {
    type Err = Infallible;

    fn from_str(value: &str) -> Result<Self, Infallible> {
        let url = if value.is_empty() {
            Ok(None)
        } else {
            value.parse().map(Some)
        };
        let text = value.to_owned();
        Ok(Self { text, url })
    }
}
