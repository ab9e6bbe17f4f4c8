//! The address of a feed, as a person types it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The address of a feed. One that ends with a slash is a page's, and its feed is `ws` beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedUrl(Url);

/// What was given is not the address of a feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFeedUrl {
    /// The text is not quoted: it has a password in it.
    #[error("a server's address has no name and no password in it")]
    Password,
    /// It is not a URL, or one of another kind.
    #[error("{text:?} is not a server: {reason}; write for instance ws://127.0.0.1:3000/ws")]
    NotAServer {
        /// The text that is not a URL of a feed.
        text: String,
        /// Why it is not one.
        reason: String,
    },
}

impl FeedUrl {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for FeedUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for FeedUrl {
    type Err = BadFeedUrl;

    fn from_str(text: &str) -> Result<Self, BadFeedUrl> {
        let wrong = |reason: &str| BadFeedUrl::NotAServer {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let mut url = match Url::parse(text) {
            Ok(url) => url,
            // `ws://me:secret@host:port` is not a URL either, and would be quoted below.
            Err(_) if text.contains('@') => return Err(BadFeedUrl::Password),
            Err(error) => return Err(wrong(&error.to_string())),
        };
        if !url.username().is_empty() || url.password().is_some() || url.authority().contains('@') {
            return Err(BadFeedUrl::Password);
        }
        match url.scheme() {
            // `me:secret@host` is a URL, of the scheme `me`, and everything after it is its path; of
            // `ws://me:12?secret@host` the host is `me`.
            _ if text.contains('@') => return Err(BadFeedUrl::Password),
            "ws" => {}
            "wss" => return Err(wrong("this client speaks no TLS, leave that to a proxy")),
            _ => return Err(wrong("it has to begin with ws://")),
        }
        url.set_fragment(None);
        if url.path().ends_with('/') {
            let path = format!("{}ws", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_be_named_with_or_without_its_path() {
        for (text, url) in [
            ("ws://127.0.0.1:3000", "ws://127.0.0.1:3000/ws"),
            ("ws://127.0.0.1:3000/", "ws://127.0.0.1:3000/ws"),
            ("ws://127.0.0.1:3000/ws", "ws://127.0.0.1:3000/ws"),
            ("ws://127.0.0.1:3000/#APPL", "ws://127.0.0.1:3000/ws"),
            ("ws://feed.example/?x=1", "ws://feed.example/ws?x=1"),
            ("ws://feed.example/feed/", "ws://feed.example/feed/ws"),
            ("WS://[::1]:80/feed/ws", "ws://[::1]/feed/ws"),
        ] {
            assert_eq!(text.parse::<FeedUrl>().unwrap().as_str(), url);
        }
        for text in ["127.0.0.1:3000", "http://a", "wss://a", "ws://", ""] {
            let said = text.parse::<FeedUrl>().unwrap_err().to_string();
            assert!(said.contains("write for instance ws://"), "{said}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_printed() {
        for text in [
            "ws://me:hunter2@feed.example",
            "ws://me:12?hunter2@feed.example",
            "ws://me:hunter2@feed.example:port",
            "me:hunter2@feed.example",
            "//me:hunter2@feed.example",
            "http://me:hunter2@feed.example",
        ] {
            let said = text.parse::<FeedUrl>().unwrap_err().to_string();
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
