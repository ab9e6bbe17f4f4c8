//! The address of a Redis, checked once at the edge.

use redis::{ConnectionAddr, IntoConnectionInfo};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The address of a Redis: `redis://[user:password@]host[:port]`.
///
/// It shows itself without its password, so that none ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: Option<Login>,
}

/// Who we are to Redis; without a name, its default user.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: String,
}

/// What was given is not the address of a Redis that can be reached from here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this is not the address of a Redis: {reason}; write for instance redis://127.0.0.1:6379")]
pub struct BadRedisUrl {
    reason: String,
}

impl RedisUrl {
    /// The port, 6379 where none was written.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for RedisUrl {
    type Err = BadRedisUrl;

    fn from_str(url: &str) -> Result<Self, BadRedisUrl> {
        let bad = |reason: &str| BadRedisUrl {
            reason: reason.to_owned(),
        };
        let info = url.into_connection_info();
        let info = info.map_err(|_| bad("it does not read as redis://host:port"))?;
        let ConnectionAddr::Tcp(host, port) = info.addr().clone() else {
            return Err(bad(
                "only plain TCP is spoken here, no TLS and no Unix sockets",
            ));
        };
        let redis = info.redis_settings();
        let username = redis.username().map(str::to_owned);
        let login = match redis.password() {
            Some(password) => Some(Login {
                username,
                password: password.to_owned(),
            }),
            None if username.is_some() => return Err(bad("there is a user, but no password")),
            None => None,
        };
        Ok(Self { host, port, login })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "redis://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url: RedisUrl = "redis://trader:secret@10.0.0.7".parse().unwrap();
        assert_eq!(url.to_string(), "redis://10.0.0.7:6379");
        assert_eq!(format!("{url:?}"), "RedisUrl(redis://10.0.0.7:6379)");
        let login = url.login.unwrap();
        assert_eq!(
            (login.username.as_deref(), &*login.password),
            (Some("trader"), "secret")
        );
    }

    #[test]
    fn what_cannot_be_reached_is_refused_before_anything_starts() {
        let bad = [
            "",
            "localhost",
            "http://localhost",
            "rediss://localhost",
            "redis://",
            "redis://u@h",
        ];
        for url in bad {
            let error = url.parse::<RedisUrl>().unwrap_err();
            assert!(
                error.to_string().contains("redis://127.0.0.1:6379"),
                "{error}"
            );
        }
    }
}
