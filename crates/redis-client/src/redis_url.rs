//! The address of a Redis, checked once at the edge.

use crate::refusal;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisError,
    aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use std::{fmt, str::FromStr, sync::Arc};
use thiserror::Error;

/// The address of a Redis, as the `redis` crate reads it:
///
/// - `redis://[[user]:password@]host[:port][/database]`
/// - `rediss://…`, the same over TLS. A certificate authority of your own is named by the variable
///   `SSL_CERT_FILE`.
/// - `unix:///path/to/redis.sock`
///
/// It shows itself without its password, so that none ends in a log.
///
/// ```
/// use redis_client::RedisUrl;
///
/// let url: RedisUrl = "redis://trader:secret@10.0.0.7".parse()?;
/// assert_eq!(url.to_string(), "redis://10.0.0.7:6379");
/// # Ok::<(), redis_client::BadRedisUrl>(())
/// ```
#[derive(Clone)]
pub struct RedisUrl(Arc<Client>);

/// What was given is not the address of a Redis that can be reached from here. It does not repeat
/// what was given, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "this is not the address of a Redis: {reason}; write for instance redis://127.0.0.1:6379, rediss://host:6379 or unix:///run/redis.sock"
)]
pub struct BadRedisUrl {
    pub(crate) reason: &'static str,
}

impl RedisUrl {
    /// Connects, in the version of the protocol that can subscribe and ask on one connection
    /// (RESP3, from Redis 6 on), without any time limit: the crate's own, half a second for an
    /// answer, would disconnect us from a busy Redis, and a command that is given up still takes
    /// effect later. A caller that gives up drops the connection.
    ///
    /// # Errors
    /// Whatever keeps Redis from being reached, or Redis from accepting us; also what was reached is a
    /// Sentinel, which confirms every subscription and never delivers a message of the master's.
    /// [`in_words`](crate::in_words) makes a sentence of it.
    pub async fn connect(
        &self,
        config: AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = config
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connecting = self.0.get_multiplexed_async_connection_with_config(&config);
        match connecting.await {
            Ok(mut connection) => {
                refusal::of_a_sentinel(&mut connection).await?;
                Ok(connection)
            }
            Err(error) if error.is_io_error() => {
                let address = self.0.get_connection_info().addr();
                Err(refusal::behind(&error, address).await.unwrap_or(error))
            }
            Err(error) => Err(error),
        }
    }

    /// The same address with another host and port.
    #[cfg(feature = "cluster")]
    pub(crate) fn at(&self, host: &str, port: u16) -> Self {
        let info = self.0.get_connection_info().clone();
        let mut addr = info.addr().clone();
        if let ConnectionAddr::Tcp(host_of, port_of)
        | ConnectionAddr::TcpTls {
            host: host_of,
            port: port_of,
            ..
        } = &mut addr
        {
            (*host_of, *port_of) = (host.to_owned(), port);
        }
        let client = Client::open(info.set_addr(addr));
        Self(Arc::new(
            client.expect("the settings of a client are valid"),
        ))
    }

    /// Its host; empty for a socket in the file system.
    #[cfg(feature = "cluster")]
    pub(crate) fn host(&self) -> &str {
        match self.0.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
            _ => "",
        }
    }
}

impl FromStr for RedisUrl {
    type Err = BadRedisUrl;

    fn from_str(url: &str) -> Result<Self, BadRedisUrl> {
        let bad = |reason| BadRedisUrl { reason };
        // In `redis://trader:12?secret@host` the host is `trader` and the port 12: we would connect there,
        // and print half of the password.
        let (_, after_host) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        if after_host.contains('@') && !url.starts_with("unix:") {
            return Err(bad("in a password, write ? as %3F, # as %23 and @ as %40"));
        }
        let info = url
            .into_connection_info()
            .map_err(|_| bad("it does not read as redis://host:port"))?;
        if let ConnectionAddr::TcpTls { .. } = info.addr() {
            #[cfg(not(feature = "tls"))]
            return Err(bad("this program was built without TLS"));
            // Without a provider rustls panics at the first connection. One that was installed
            // before is as good as ours.
            #[cfg(feature = "tls")]
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let redis = info.redis_settings().clone();
        if redis.username().is_some() && redis.password().is_none() {
            return Err(bad("there is a user, but no password"));
        }
        let info = info
            .set_redis_settings(redis.set_protocol(ProtocolVersion::RESP3))
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(|_| bad("the redis crate refuses it"))?;
        Ok(Self(Arc::new(client)))
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) => write!(out, "redis://{}:{port}", Host(host)),
            ConnectionAddr::TcpTls { host, port, .. } => {
                write!(out, "rediss://{}:{port}", Host(host))
            }
            ConnectionAddr::Unix(path) => write!(out, "unix://{}", path.display()),
            other => write!(out, "{other}"),
        }
    }
}

/// A host as it stands in a URL: the colons of an IPv6 address would otherwise run into the port.
struct Host<'a>(&'a str);

impl fmt::Display for Host<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(out, "[{}]", self.0)
        } else {
            out.write_str(self.0)
        }
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
        let shown = |url: &str| {
            let url: RedisUrl = url.parse().unwrap();
            assert_eq!(format!("{url:?}"), format!("RedisUrl({url})"));
            url.to_string()
        };
        assert_eq!(
            shown("redis://trader:secret@10.0.0.7"),
            "redis://10.0.0.7:6379"
        );
        assert_eq!(shown("redis://:secret@h:1/3"), "redis://h:1");
        assert_eq!(shown("redis://:secret@[::1]:6399"), "redis://[::1]:6399");
        assert_eq!(
            shown("unix:///run/redis.sock?pass=secret"),
            "unix:///run/redis.sock"
        );
        #[cfg(feature = "tls")]
        assert_eq!(shown("rediss://trader:secret@host"), "rediss://host:6379");
    }

    #[test]
    fn a_bad_address_is_refused_with_an_example_and_without_its_password() {
        for url in [
            "",
            "localhost",
            "http://a:secret@localhost",
            "redis://",
            "redis://user@h",
            "redis://:secret@h:port",
            "redis://trader:12?secret@h",
            "redis://trader:12#secret@h",
            "redis//trader:secret@h",
            "host=h password=secret",
        ] {
            let error = url.parse::<RedisUrl>().unwrap_err().to_string();
            assert!(error.contains("redis://127.0.0.1:6379"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
