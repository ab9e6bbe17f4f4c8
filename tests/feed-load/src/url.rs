//! Where the users go.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A WebSocket URL, resolved: `ws://127.0.0.1:3000/ws`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsUrl {
    /// As it was given.
    pub text: String,
    /// The address of the server.
    pub address: SocketAddr,
    /// The path, `/ws` unless it is given.
    pub path: String,
}

impl FromStr for WsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("ws://")
            .ok_or("it must begin with ws:// (users measure the server, not its TLS)")?;
        let (host, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/ws"),
        };
        let with_port = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = with_port
            .to_socket_addrs()
            .map_err(|error| format!("cannot find {host}: {error}"))?
            // Users come from many 127.x.x.x addresses, which reach an IPv4 listener alone.
            .min_by_key(SocketAddr::is_ipv6)
            .ok_or_else(|| format!("{host} has no address"))?;
        Ok(Self {
            text: text.to_owned(),
            address,
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_address_and_a_path() {
        let url: WsUrl = "ws://127.0.0.1:3000/feed".parse().unwrap();
        assert_eq!((url.address.port(), url.path.as_str()), (3000, "/feed"));
        let url: WsUrl = "ws://127.0.0.1:3000".parse().unwrap();
        assert_eq!(url.path, "/ws");
        let url: WsUrl = "ws://[::1]/x".parse().unwrap();
        assert_eq!(url.address.port(), 80);
    }

    #[test]
    fn what_is_no_websocket_url_is_refused_with_a_reason() {
        for bad in [
            "http://127.0.0.1/ws",
            "ws://127.0.0.1:port/ws",
            "wss://a",
            "",
        ] {
            assert!(bad.parse::<WsUrl>().is_err(), "{bad}");
        }
    }
}
