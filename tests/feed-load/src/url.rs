//! Where the users go.

use std::net::SocketAddr;
use std::str::FromStr;

use url::{Position, Url};

/// A WebSocket URL, resolved: `ws://127.0.0.1:3000/ws`.
#[derive(Clone, Debug)]
pub(crate) struct WsUrl {
    /// As it was given.
    pub(crate) text: String,
    pub(crate) address: SocketAddr,
    /// The path and the query, `/ws` where the text ends with the host.
    pub(crate) path: String,
}

impl FromStr for WsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("{error}: a URL is for instance ws://127.0.0.1:3000/ws"))?;
        if url.scheme() != "ws" {
            return Err("it must begin with ws:// (users measure the server, not its TLS)".into());
        }
        let addresses = url
            .socket_addrs(|| None)
            .map_err(|error| format!("cannot find the host: {error}"))?;
        let path = match &url[Position::BeforePath..Position::AfterQuery] {
            "/" if !text.ends_with('/') => "/ws",
            path => path,
        };
        Ok(Self {
            text: text.to_owned(),
            // Users come from many 127.x.x.x addresses, which reach an IPv4 listener alone.
            address: addresses
                .into_iter()
                .min_by_key(SocketAddr::is_ipv6)
                .ok_or("the host has no address")?,
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_address_and_a_path() {
        for (text, port, path) in [
            ("ws://127.0.0.1:3000/feed?v=1", 3000, "/feed?v=1"),
            ("ws://127.0.0.1:3000", 3000, "/ws"),
            ("ws://127.0.0.1:3000/", 3000, "/"),
            ("ws://[::1]/x", 80, "/x"),
        ] {
            let url: WsUrl = text.parse().unwrap();
            assert_eq!((url.address.port(), &*url.path), (port, path), "{text}");
        }
    }

    #[test]
    fn another_scheme_a_bad_port_and_no_url_are_refused() {
        for bad in [
            "http://127.0.0.1/ws",
            "wss://a",
            "ws://127.0.0.1:port/ws",
            "",
        ] {
            assert!(bad.parse::<WsUrl>().is_err(), "{bad}");
        }
    }
}
