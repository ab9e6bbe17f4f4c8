//! Which pages may open a WebSocket here.
//!
//! A browser lets any page in the world connect a WebSocket to any server, and sends the
//! user's cookies along; the only protection is that it also says, truthfully, which page asks:
//! the `Origin` header ([RFC 6455, section 10.2]). A program that is no browser sends none, or
//! whatever it likes, so this check protects users and not the server.
//!
//! [RFC 6455, section 10.2]: https://www.rfc-editor.org/rfc/rfc6455#section-10.2

use std::str::FromStr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

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
        let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let only_origin = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
        if has_scheme && only_origin {
            Ok(Self::Origin(text.to_ascii_lowercase()))
        } else {
            Err(NotAnOrigin)
        }
    }
}

/// True if the request comes from this server's own page, from an allowed one, or from no
/// page at all.
pub fn may_connect(headers: &HeaderMap, allowed: &[Allowed]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, page)| host.is_some_and(|host| host.eq_ignore_ascii_case(page)));
    own || allowed.iter().any(|allowed| match allowed {
        Allowed::Any => true,
        Allowed::Origin(allowed) => allowed.eq_ignore_ascii_case(origin),
    })
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
    fn an_origin_with_a_path_or_without_a_scheme_is_refused_at_the_start() {
        for wrong in [
            "feed.example",
            "https://feed.example/",
            "https://a/b",
            "ws://a",
            "",
        ] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
    }
}
