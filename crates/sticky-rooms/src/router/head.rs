//! The head of a request: what the router chooses a server by, and what it passes on.

use std::io;
use std::time::Duration;

use axum::http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use program::origin::{ONE_HOST, has_one_host};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::target::{BadTarget, ROUTED_PATH, Target};

/// The most bytes of a head. A browser sends the cookies of all ports of `localhost` to each of them,
/// so that a developer's browser has tens of kilobytes for a server that never set one.
const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of a head.
pub(crate) const MAX_HEADERS: usize = 256;
/// How long a visitor may take to send the head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A request's head, parsed.
#[derive(Debug)]
pub struct Head {
    method: Method,
    version: Version,
    target: Target,
    headers: HeaderMap,
    /// What the visitor sent behind the head.
    rest: Vec<u8>,
}

/// Why a request is not passed on.
#[derive(Debug, thiserror::Error)]
pub enum BadHead {
    /// It is not a request of HTTP/1.
    #[error("this is not an HTTP/1.1 request")]
    NotHttp,
    /// More than `MAX_HEAD` bytes, or more than `MAX_HEADERS` lines.
    #[error(
        "the request has more than {} KiB or {MAX_HEADERS} lines of headers; most of that is usually \
         cookies of other programs on this host name: delete them, or open the page by 127.0.0.1 \
         instead of localhost",
        MAX_HEAD / 1024
    )]
    TooLarge,
    /// The visitor took longer than `HEAD_TIMEOUT`.
    #[error("the request's headers did not arrive within {} seconds", HEAD_TIMEOUT.as_secs())]
    TooLate,
    /// Only pages and sockets are served here.
    #[error("only GET and HEAD are answered here")]
    Method,
    /// HTTP/1.1 without a Host, or with two (RFC 9112, section 3.2).
    #[error("{}", ONE_HOST.trim_end())]
    Host,
    /// A second spelling of a path.
    #[error(transparent)]
    Target(#[from] BadTarget),
    /// The connection broke, and nobody is there to be answered.
    #[error("the connection ended")]
    Gone(#[from] io::Error),
}

impl BadHead {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooLate => StatusCode::REQUEST_TIMEOUT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotHttp | Self::Host | Self::Target(_) | Self::Gone(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Head {
    /// Reads and parses a head.
    ///
    /// # Errors
    /// The request is not one that is passed on.
    pub async fn read(visitor: &mut TcpStream) -> Result<Self, BadHead> {
        let reading = timeout(HEAD_TIMEOUT, Self::read_in_time(visitor));
        reading.await.unwrap_or(Err(BadHead::TooLate))
    }

    async fn read_in_time(visitor: &mut TcpStream) -> Result<Self, BadHead> {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            let before = bytes.len();
            if visitor.read_buf(&mut bytes).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            // Parsed at each read, a head that arrives byte by byte would be read 65,536 times. The
            // first read is parsed in any case, so that something else than HTTP is refused early.
            if (before == 0 || has_blank_line(&bytes, before))
                && let Some(head) = Self::parse(&bytes)?
            {
                return Ok(head);
            }
            if bytes.len() >= MAX_HEAD {
                return Err(BadHead::TooLarge);
            }
        }
    }

    /// The head, if all of it is there.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, BadHead> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut lines);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooLarge),
            Err(_) => return Err(BadHead::NotHttp),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(BadHead::NotHttp);
        };
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        for line in request.headers.iter() {
            let name = HeaderName::from_bytes(line.name.as_bytes());
            let value = HeaderValue::from_bytes(line.value);
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(BadHead::NotHttp);
            };
            headers.append(name, value);
        }
        let method = match method {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            _ => return Err(BadHead::Method),
        };
        let version = match request.version {
            Some(0) => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        if !has_one_host(version, &headers) {
            return Err(BadHead::Host);
        }
        Ok(Some(Self {
            method,
            version,
            target: Target::parse(target)?,
            headers,
            rest: bytes[length..].to_vec(),
        }))
    }

    /// What is asked for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The headers, as the visitor sent them.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What the visitor sent behind the head.
    pub(super) fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// The cookie `user`; empty without one.
    pub fn user(&self) -> &str {
        let lines = self.headers.get_all(COOKIE).iter();
        let cookies = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        let mut users = cookies.filter_map(|cookie| cookie.trim().strip_prefix("user="));
        users.next().unwrap_or_default()
    }

    /// Whether this is the handshake of a room's WebSocket.
    pub fn is_handshake(&self) -> bool {
        self.method == Method::GET
            && self.target.room().is_some()
            && lists(&self.headers, &CONNECTION, "upgrade")
            && lists(&self.headers, &UPGRADE, "websocket")
    }

    /// The request for the server, written from what was parsed: what is routed is what is served.
    ///
    /// A body and whatever else follows the head are left out, and the server is asked to close the
    /// connection after its answer. So a second request never reaches the first one's server.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (method, target) = (&self.method, self.target.as_str());
        // As HTTP/1.1, a request of HTTP/1.0 without a Host would be one that is forbidden.
        let mut bytes = format!("{method} {target} {:?}\r\n", self.version).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.headers {
            let is_ours = [
                CONNECTION,
                UPGRADE,
                CONTENT_LENGTH,
                TRANSFER_ENCODING,
                EXPECT,
            ]
            .contains(name)
                || *name == ROUTED_PATH;
            if !is_ours {
                line(name.as_str(), value.as_bytes());
            }
        }
        line(ROUTED_PATH, self.target.path().as_bytes());
        if self.is_handshake() {
            line("upgrade", b"websocket");
            line("connection", b"upgrade");
        } else {
            line("connection", b"close");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

/// Whether a blank line, which ends a head, may have arrived with the bytes from `new` on.
fn has_blank_line(bytes: &[u8], new: usize) -> bool {
    let tail = &bytes[new.saturating_sub(3)..];
    tail.windows(2).any(|pair| pair == b"\n\n") || tail.windows(3).any(|three| three == b"\n\r\n")
}

/// Whether a header lists this word. A header of several lines is one list (RFC 9110, section 5.3):
/// Firefox's `Connection: keep-alive, Upgrade` may arrive as two lines.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let lines = headers.get_all(name).iter();
    let mut words = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    words.any(|listed| listed.trim().eq_ignore_ascii_case(word))
}
