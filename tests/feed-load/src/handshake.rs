//! The opening handshake, with the example key of RFC 6455 (section 1.3).
//!
//! Both sides of a measurement are ours, so the key need not be random: every user sends the
//! standard's own example, and the bare loop answers with the standard's own answer.

use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use thiserror::Error;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// These bytes open no WebSocket: another status than 101, another key, or no HTTP.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a WebSocket handshake")]
pub struct Refused;

/// The request of a user who wants this path on this host.
pub fn request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The answer to it.
pub fn answer() -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
    .into_bytes()
}

/// The bytes that a server's answer takes, or `None` while it is incomplete.
///
/// # Errors
/// [`Refused`] if this is not the answer that opens a WebSocket.
pub fn read_answer(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let mut headers = [EMPTY_HEADER; 32];
    let mut answer = Response::new(&mut headers);
    match answer.parse(bytes).map_err(|_| Refused)? {
        Status::Partial => Ok(None),
        Status::Complete(used)
            if answer.code == Some(101) && has(answer.headers, "sec-websocket-accept", ACCEPT) =>
        {
            Ok(Some(used))
        }
        Status::Complete(_) => Err(Refused),
    }
}

/// The bytes that a user's request takes, or `None` while it is incomplete.
///
/// # Errors
/// [`Refused`] if it is not the request that [`request`] writes.
pub fn read_request(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let mut headers = [EMPTY_HEADER; 32];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes).map_err(|_| Refused)? {
        Status::Partial => Ok(None),
        Status::Complete(used) if has(request.headers, "sec-websocket-key", KEY) => Ok(Some(used)),
        Status::Complete(_) => Err(Refused),
    }
}

fn has(headers: &[Header<'_>], name: &str, value: &str) -> bool {
    let named = |header: &Header<'_>| header.name.eq_ignore_ascii_case(name);
    let mut values = headers.iter().filter(|header| named(header));
    values.any(|header| header.value == value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_answer_fit_and_nothing_shorter_does() {
        let (request, answer) = (request("127.0.0.1:3000", "/ws"), answer());
        assert_eq!(read_request(&request), Ok(Some(request.len())));
        assert_eq!(read_answer(&answer), Ok(Some(answer.len())));
        for cut in 0..request.len() {
            assert_eq!(read_request(&request[..cut]), Ok(None), "cut at {cut}");
        }
        for cut in 0..answer.len() {
            assert_eq!(read_answer(&answer[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn a_full_server_and_a_wrong_key_and_no_http_open_no_websocket() {
        let full = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        let wrong = String::from_utf8(answer()).unwrap().replace("s3pP", "S3pP");
        for bytes in [&full[..], wrong.as_bytes(), b"\x81\x02this is no HTTP"] {
            assert_eq!(read_answer(bytes), Err(Refused));
        }
    }
}
