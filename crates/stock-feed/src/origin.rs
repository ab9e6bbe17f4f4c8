//! Which pages may open a WebSocket here.
//!
//! A browser lets any page in the world connect a WebSocket to any server, and sends the
//! user's cookies along; the only protection is that it also says, truthfully, which page asks:
//! the `Origin` header ([RFC 6455, section 10.2]). A program that is no browser sends none, or
//! whatever it likes, so this check protects users and not the server.
//!
//! [RFC 6455, section 10.2]: https://www.rfc-editor.org/rfc/rfc6455#section-10.2

use std::str::FromStr;
use std::time::{Duration, Instant};

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use parking_lot::Mutex;

/// How long the log is quiet about refused pages after a line about them.
const QUIET: Duration = Duration::from_secs(1);

/// How much of an origin is logged, in bytes.
const LOGGED: usize = 80;

/// An origin as `--allow-origin` takes it: `https://feed.example`, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Every page may connect.
    Any,
    /// Pages of this origin may, compared in lower case.
    Origin(String),
}

/// An origin is a scheme and a host, with a port where it is not the scheme's own.
#[derive(Debug, thiserror::Error)]
#[error("an origin looks like https://feed.example or http://localhost:8080, or is * for any")]
pub struct NotAnOrigin;

impl FromStr for Allowed {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin)?;
        let only_origin = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
        match parts(text) {
            Some((scheme @ ("http" | "https"), host)) if only_origin && !host.contains('@') => Ok(
                Self::Origin(format!("{scheme}://{host}").to_ascii_lowercase()),
            ),
            _ => Err(NotAnOrigin),
        }
    }
}

/// An origin's scheme, and its host as a browser gives it: without the port that is the scheme's own.
fn parts(origin: &str) -> Option<(&str, &str)> {
    let (scheme, host) = origin.split_once("://")?;
    Some((scheme, without_own_port(scheme, host)))
}

fn without_own_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let own = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return host,
    };
    host.strip_suffix(own).unwrap_or(host)
}

/// True if the request comes from this server's own page, from an allowed one, or from no
/// page at all.
///
/// A page is this server's own if it gives the host that was asked for, whatever that is called. So a
/// stranger can have a name of his own lead here (DNS rebinding), and his page is let in. That is
/// let be: nobody is known here by a cookie, there is no secret and nothing to change, so he gets
/// what a program of his gets anyway. A server that knows its users has to know its own name, too.
pub fn may_connect(headers: &HeaderMap, allowed: &[Allowed]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let parts = parts(origin);
    let own = parts.zip(host).is_some_and(|((scheme, page), host)| {
        without_own_port(scheme, host).eq_ignore_ascii_case(page)
    });
    own || allowed.iter().any(|allowed| match allowed {
        Allowed::Any => true,
        Allowed::Origin(allowed) => parts.is_some_and(|(scheme, page)| {
            allowed.eq_ignore_ascii_case(&format!("{scheme}://{page}"))
        }),
    })
}

/// What to tell a page that was refused.
pub(crate) fn advice(origin: &str) -> String {
    match origin.parse() {
        Ok(Allowed::Origin(origin)) => format!(
            "pages of {origin} may not connect: start the server with --allow-origin {origin}\n"
        ),
        // A file, or a page in a sandbox: its browser says `null`, which could be anyone.
        _ => {
            "pages that come from no address may not connect: open this one from a server\n".into()
        }
    }
}

/// Logs who was refused. When and what is a stranger's choice, so it is a line a second at most,
/// and a short one.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Unsaid>);

#[derive(Debug, Default)]
struct Unsaid {
    refused: u64,
    said_at: Option<Instant>,
}

impl Refusals {
    pub(crate) fn note(&self, origin: &str) {
        if let Some(refused) = self.0.lock().add(Instant::now()) {
            let origin = &origin[..origin.floor_char_boundary(LOGGED)];
            tracing::warn!(refused, ?origin, "refused pages of other origins");
        }
    }
}

impl Unsaid {
    /// One more; how many there are to speak of, if it is time to.
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.refused += 1;
        if self.said_at.is_some_and(|said| now < said + QUIET) {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.refused))
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
        assert!(may_connect(&headers(Some("http://127.0.0.1:3000")), &[]));
        assert!(may_connect(&headers(None), &[]));
    }

    #[test]
    fn a_strangers_page_may_not_connect() {
        assert!(!may_connect(&headers(Some("https://evil.example")), &[]));
        assert!(!may_connect(&headers(Some("http://127.0.0.1:3001")), &[]));
        assert!(!may_connect(&headers(Some("null")), &[]));
    }

    #[test]
    fn a_page_on_the_list_may_connect() {
        let list = ["https://feed.example".parse().unwrap()];
        assert!(may_connect(&headers(Some("https://Feed.example")), &list));
        assert!(!may_connect(
            &headers(Some("https://feed.example.evil")),
            &list
        ));
        assert!(may_connect(
            &headers(Some("https://anyone")),
            &[Allowed::Any]
        ));
    }

    #[test]
    fn a_port_that_goes_without_saying_may_be_said() {
        let list = ["https://A:443".parse().unwrap()];
        assert!(may_connect(&headers(Some("https://a")), &list));
        assert!(may_connect(&headers(Some("https://a:443")), &list));
        assert!(!may_connect(&headers(Some("https://a:80")), &list));
        assert!(!may_connect(&headers(Some("http://a:443")), &list));
        let mut behind_a_proxy = headers(Some("https://feed.example"));
        behind_a_proxy.insert(HOST, "feed.example:443".parse().unwrap());
        assert!(may_connect(&behind_a_proxy, &[]));
    }

    #[test]
    fn the_advice_is_one_that_the_command_line_takes() {
        assert!(advice("https://a:444").contains("--allow-origin https://a:444\n"));
        for nobody in ["null", "*", "file://", "chrome-extension://a", ""] {
            assert!(!advice(nobody).contains("--allow-origin"), "{nobody}");
        }
    }

    #[test]
    fn a_thousand_refusals_in_a_second_are_two_lines() {
        let (mut refusals, start) = (Unsaid::default(), Instant::now());
        let lines: Vec<u64> = (0..=1_000)
            .filter_map(|ms| refusals.add(start + Duration::from_millis(ms)))
            .collect();
        assert_eq!(lines, [1, 1_000]);
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
}
