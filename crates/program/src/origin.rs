//! Which pages may open a WebSocket here.
//!
//! A browser lets any page in the world connect a WebSocket to any server, and sends the user's cookies.
//! The only protection is the `Origin` header, in which the browser names the page ([RFC 6455, section
//! 10.2]). A program that is not a browser can send any `Origin` or none, so this check protects users
//! and not the server.
//!
//! [RFC 6455, section 10.2]: https://www.rfc-editor.org/rfc/rfc6455#section-10.2

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::header::{HOST, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Version};
use url::{Host, Origin, Url};

use crate::rate_limited_log::RateLimitedLog;

/// How much of an origin is logged, in bytes.
const LOGGED: usize = 80;

const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_FOR: &str = "x-forwarded-for";

/// An origin as `--allow-origin` takes it: `https://feed.example`, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Every page may connect.
    Any,
    /// Pages of this origin may: of this scheme, this host and this port.
    Origin(Origin),
}

/// An origin is a scheme and a host, with a port if it is not the scheme's default.
#[derive(Debug, thiserror::Error)]
#[error("an origin looks like https://feed.example or http://localhost:8080, or is * for any")]
pub struct NotAnOrigin;

impl FromStr for Allowed {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let url = page(text).ok_or(NotAnOrigin)?;
        // What else an address may have would be left out without a word.
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && !text.ends_with('/')
            && url.query().is_none()
            && url.fragment().is_none();
        bare.then(|| Self::Origin(url.origin())).ok_or(NotAnOrigin)
    }
}

/// The address of a page that came from a server.
fn page(origin: &str) -> Option<Url> {
    let url = Url::parse(origin).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Whether to trust the headers in which a proxy names its client and the host of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// There is no proxy in front of this server, so any client could have written them.
    Ignored,
    /// There is a proxy in front of this server, and no other way to reach it.
    Trusted,
}

impl Forwarded {
    /// The host of the browser's request to the first proxy.
    fn host(self, headers: &HeaderMap) -> Option<&str> {
        let mut values = self.values(headers, FORWARDED_HOST);
        let value = values.find_map(|value| value.to_str().ok())?;
        value.split(',').next().map(str::trim)
    }

    /// The client of the proxy in front of us. The proxy appends it to the header that it received, which
    /// any client could have made up; some proxies (HAProxy) append it as another header, and some (Azure)
    /// with the client's port.
    pub fn client(self, headers: &HeaderMap) -> Option<IpAddr> {
        let value = self.values(headers, FORWARDED_FOR).next_back()?;
        // Only the last entry has to be text. If the whole value had to, a client could hide its address
        // behind a byte of its own: nginx passes `X-Forwarded-For: \xff` on as `\xff, 192.0.2.7`.
        let last = value.as_bytes().rsplit(|byte| *byte == b',').next()?;
        let last = str::from_utf8(last).ok()?.trim();
        let with_port = || last.parse().map(|client: SocketAddr| client.ip());
        last.parse().or_else(|_| with_port()).ok()
    }

    fn values<'a>(
        self,
        headers: &'a HeaderMap,
        name: &'static str,
    ) -> impl DoubleEndedIterator<Item = &'a HeaderValue> {
        let trusted = self == Self::Trusted;
        headers.get_all(name).iter().filter(move |_| trusted)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Origin(origin) => f.write_str(&origin.ascii_serialization()),
        }
    }
}

/// True if the request comes from this server's own page, from an allowed page, or not from a page.
///
/// A page is this server's own if its host is the host of the request, whatever its name is. So a page of
/// a domain that an attacker lets point to this server (DNS rebinding) is accepted. That is harmless as
/// long as the server has no cookies, no secrets and nothing to change: the attacker's page gets what any
/// program gets. A server that recognises its users must check its own name too: [`is_known_host`].
pub fn may_connect(headers: &HeaderMap, allowed: &[Allowed], forwarded: Forwarded) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let page = origin.to_str().ok().and_then(page);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let mut hosts = host.into_iter().chain(forwarded.host(headers));
    if page
        .as_ref()
        .is_some_and(|page| hosts.any(|host| serves(host, page)))
    {
        return true;
    }
    allowed.iter().any(|allowed| match allowed {
        Allowed::Any => true,
        Allowed::Origin(allowed) => page.as_ref().is_some_and(|page| page.origin() == *allowed),
    })
}

/// True if the host of the request is an address, `localhost`, or the host of an allowed origin; also
/// without a host, because then the request does not come from a browser.
///
/// An attacker can let a domain point to this server (DNS rebinding), and then the attacker's page is
/// "this server's own". The host of such a page is a name, never an address.
pub fn is_known_host(headers: &HeaderMap, allowed: &[Allowed], forwarded: Forwarded) -> bool {
    // Nobody reaches this server but through a trusted proxy, which knows its own names.
    if forwarded == Forwarded::Trusted || allowed.contains(&Allowed::Any) {
        return true;
    }
    let Some(host) = headers.get(HOST) else {
        return true;
    };
    let url = host
        .to_str()
        .map(|host| Url::parse(&format!("http://{host}")));
    let Ok(Ok(url)) = url else {
        return false;
    };
    let is_local = match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    let is_allowed = |allowed: &Allowed| match allowed {
        Allowed::Origin(Origin::Tuple(_, host, _)) => {
            url.host_str().is_some_and(|name| name == host.to_string())
        }
        Allowed::Any | Allowed::Origin(Origin::Opaque(_)) => false,
    };
    is_local || allowed.iter().any(is_allowed)
}

/// False for a request that HTTP forbids to serve (RFC 9112, section 3.2): HTTP/1.1 without a Host, or
/// with two.
///
/// If a proxy and its server each use another of two Hosts, one of them compares a page's origin with the
/// wrong one.
pub fn has_one_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version == Version::HTTP_10,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    }
}

/// The text for a request that [`has_one_host`] refuses.
pub const ONE_HOST: &str =
    "a request has one Host header, the host that is asked for (RFC 9112, section 3.2)\n";

/// A host with or without a port, or empty if the address has none.
fn is_host(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|host| {
        host.is_empty() || (host.parse::<Authority>().is_ok() && !host.contains('@'))
    })
}

/// Whether a page came from the host of a request. A host without a port matches any port: nginx's `$host`
/// has none, and pages of one host share all that a browser stores for it.
fn serves(host: &str, page: &Url) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let Ok(own) = Url::parse(&format!("{}://{authority}", page.scheme())) else {
        return false;
    };
    own.host() == page.host() && (authority.port().is_none() || own.port() == page.port())
}

/// The answer to a page that is refused.
pub fn advice(origin: &str) -> String {
    match origin.parse() {
        Ok(Allowed::Origin(origin)) => {
            let origin = origin.ascii_serialization();
            format!(
                "pages of {origin} may not connect. If this is the server's own page and a proxy stands before \
                 it, let the proxy pass the browser's Host on (nginx: proxy_set_header Host $host;). \
                 If not, start the server with --allow-origin {origin}\n"
            )
        }
        // A file, or a page in a sandbox: its browser says `null`, which could be anyone.
        _ => {
            "pages that come from no address may not connect: open this one from a server\n".into()
        }
    }
}

/// Logs which page was refused, at a bounded rate and shortened, because strangers choose both.
pub fn log_refusal(log: &RateLimitedLog, origin: &str, client: Option<IpAddr>) {
    if let Some(refused) = log.count() {
        let origin = &origin[..origin.floor_char_boundary(LOGGED)];
        let client = client.map(tracing::field::display);
        tracing::warn!(refused, ?origin, client, "refused pages of other origins");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "127.0.0.1:3000".parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_servers_own_page_and_a_terminal_may_connect() {
        assert!(may_connect(
            &headers(Some("http://127.0.0.1:3000")),
            &[],
            Forwarded::Ignored
        ));
        assert!(may_connect(&headers(None), &[], Forwarded::Ignored));
    }

    #[test]
    fn a_strangers_page_may_not_connect() {
        assert!(!may_connect(
            &headers(Some("https://evil.example")),
            &[],
            Forwarded::Ignored
        ));
        assert!(!may_connect(
            &headers(Some("http://127.0.0.1:3001")),
            &[],
            Forwarded::Ignored
        ));
        assert!(!may_connect(
            &headers(Some("null")),
            &[],
            Forwarded::Ignored
        ));
    }

    #[test]
    fn a_page_on_the_list_may_connect() {
        let list = ["https://feed.example".parse().unwrap()];
        assert!(may_connect(
            &headers(Some("https://Feed.example")),
            &list,
            Forwarded::Ignored
        ));
        assert!(!may_connect(
            &headers(Some("https://feed.example.evil")),
            &list,
            Forwarded::Ignored
        ));
        assert!(may_connect(
            &headers(Some("https://anyone")),
            &[Allowed::Any],
            Forwarded::Ignored
        ));
    }

    #[test]
    fn a_port_that_goes_without_saying_may_be_said() {
        let list = ["https://A:443".parse().unwrap()];
        assert!(may_connect(
            &headers(Some("https://a")),
            &list,
            Forwarded::Ignored
        ));
        assert!(may_connect(
            &headers(Some("https://a:443")),
            &list,
            Forwarded::Ignored
        ));
        assert!(!may_connect(
            &headers(Some("https://a:80")),
            &list,
            Forwarded::Ignored
        ));
        assert!(!may_connect(
            &headers(Some("http://a:443")),
            &list,
            Forwarded::Ignored
        ));
        let mut behind_a_proxy = headers(Some("https://feed.example"));
        behind_a_proxy.insert(HOST, "feed.example:443".parse().unwrap());
        assert!(may_connect(&behind_a_proxy, &[], Forwarded::Ignored));
    }

    /// Behind nginx's defaults the Host is the upstream's name, and `$host` has no port.
    #[test]
    fn a_proxy_that_passes_the_host_on_without_its_port_is_enough() {
        let mut request = headers(Some("http://feed.example:8080"));
        for (host, may) in [
            ("upstream", false),
            ("feed.example", true),
            ("FEED.example", true),
            ("feed.example:8080", true),
            ("feed.example:80", false),
            ("feed.example:8081", false),
            ("feed.example:", true),
            ("feed.example.evil", false),
            ("", false),
            ("feed.example/", false),
        ] {
            request.insert(HOST, host.parse().unwrap());
            assert_eq!(
                may_connect(&request, &[], Forwarded::Ignored),
                may,
                "{host}"
            );
        }
        let mut request = headers(Some("http://[::1]:8080"));
        for host in ["[::1]", "[::1]:8080"] {
            request.insert(HOST, host.parse().unwrap());
            assert!(may_connect(&request, &[], Forwarded::Ignored), "{host}");
        }
    }

    #[test]
    fn what_a_proxy_says_counts_if_it_is_trusted_and_only_its_own_words() {
        let mut request = headers(Some("https://feed.example"));
        request.insert(FORWARDED_HOST, "feed.example, inner".parse().unwrap());
        request.insert(FORWARDED_FOR, "10.0.0.1, 192.0.2.7".parse().unwrap());
        assert!(!may_connect(&request, &[], Forwarded::Ignored));
        assert_eq!(Forwarded::Ignored.client(&request), None);
        assert!(may_connect(&request, &[], Forwarded::Trusted));
        assert_eq!(
            Forwarded::Trusted.client(&request),
            Some("192.0.2.7".parse().unwrap())
        );
        request.append(FORWARDED_FOR, "192.0.2.8".parse().unwrap());
        assert_eq!(
            Forwarded::Trusted.client(&request),
            Some("192.0.2.8".parse().unwrap())
        );
        request.insert(FORWARDED_HOST, "evil.example".parse().unwrap());
        assert!(!may_connect(&request, &[], Forwarded::Trusted));
    }

    #[test]
    fn a_client_cannot_hide_the_address_that_its_proxy_appends() {
        let mut request = HeaderMap::new();
        let client = Some("192.0.2.7".parse().unwrap());
        for value in [
            &b"192.0.2.7"[..],
            b"\xff, 192.0.2.7",
            b"\xc3\xa4,192.0.2.7",
            b", ,192.0.2.7",
            b"unknown, 192.0.2.7 ",
            b"10.0.0.1, 192.0.2.7:50312",
        ] {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.insert(FORWARDED_FOR, value);
            assert_eq!(Forwarded::Trusted.client(&request), client, "{request:?}");
        }
        request.insert(FORWARDED_FOR, "\"a\", [2001:db8::1]:443".parse().unwrap());
        let client = Some("2001:db8::1".parse().unwrap());
        assert_eq!(Forwarded::Trusted.client(&request), client);
        for unknown in [
            "",
            "unknown",
            "192.0.2.7, ",
            "192.0.2.7, unknown",
            "192.0.2.7,_hidden",
        ] {
            request.insert(FORWARDED_FOR, unknown.parse().unwrap());
            assert_eq!(Forwarded::Trusted.client(&request), None, "{unknown:?}");
        }
    }

    #[test]
    fn the_advice_is_one_that_the_command_line_takes() {
        let advised = advice("https://a:444");
        assert!(
            advised.contains("--allow-origin https://a:444\n"),
            "{advised}"
        );
        assert!(
            advised.contains("proxy_set_header Host $host;"),
            "{advised}"
        );
        for nobody in ["null", "*", "file://", "chrome-extension://a", ""] {
            assert!(!advice(nobody).contains("--allow-origin"), "{nobody}");
        }
    }

    #[test]
    fn an_origin_with_a_path_or_without_a_scheme_is_refused_at_the_start() {
        for wrong in [
            "feed.example",
            "https://feed.example/",
            "https://a/b",
            "ws://a",
            "https://user@a",
            "https://",
            "null",
            "",
        ] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_nobody_told_the_server_of_is_a_strangers() {
        let list = ["http://laptop.example:3002".parse().unwrap()];
        let mut request = HeaderMap::new();
        assert!(is_known_host(&request, &[], Forwarded::Ignored));
        for (host, is_known) in [
            ("127.0.0.1:3002", true),
            ("192.0.2.7", true),
            ("[::1]:3002", true),
            ("localhost:3002", true),
            ("a.localhost", true),
            ("laptop.example:8080", true),
            ("LAPTOP.example", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            request.insert(HOST, host.parse().unwrap());
            assert_eq!(
                is_known_host(&request, &list, Forwarded::Ignored),
                is_known,
                "{host}"
            );
            assert!(
                is_known_host(&request, &[Allowed::Any], Forwarded::Ignored),
                "{host}"
            );
            assert!(is_known_host(&request, &[], Forwarded::Trusted), "{host}");
        }
    }

    #[test]
    fn an_allowed_origin_is_printed_as_the_flag_takes_it() {
        for text in ["*", "https://feed.example", "http://localhost:8080"] {
            assert_eq!(text.parse::<Allowed>().unwrap().to_string(), text);
        }
    }
}
