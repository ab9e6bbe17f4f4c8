//! The opening handshake, with the example key of RFC 6455 (section 1.3).
//!
//! Both sides of a measurement are ours, so the key need not be random: every user sends the
//! standard's own example, and the bare loop knows the standard's own answer by heart.

use thiserror::Error;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Why a handshake did not succeed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// The server answered with another status than 101, for instance 503 when it is full.
    #[error("the server answered {0} to the WebSocket handshake")]
    Status(u16),
    /// The bytes are not an answer that HTTP and RFC 6455 allow.
    #[error("the server's answer is no WebSocket handshake")]
    Nonsense,
}

/// The request of a user who wants this path on this host.
pub fn request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The bytes that a server's answer takes, or `None` while it is incomplete.
///
/// # Errors
/// [`Refused`] if this is not the answer that opens a WebSocket.
pub fn read_answer(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(used) = answer.parse(bytes).map_err(|_| Refused::Nonsense)?
    else {
        return Ok(None);
    };
    match answer.code {
        Some(101) => {}
        Some(other) => return Err(Refused::Status(other)),
        None => return Err(Refused::Nonsense),
    }
    answer
        .headers
        .iter()
        .any(|header| {
            header.name.eq_ignore_ascii_case("sec-websocket-accept")
                && header.value == ACCEPT.as_bytes()
        })
        .then_some(Some(used))
        .ok_or(Refused::Nonsense)
}

/// The bytes that a user's request takes, or `None` while it is incomplete.
///
/// # Errors
/// [`Refused::Nonsense`] if it is not the request that [`request`] writes.
pub fn read_request(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut asked = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(used) = asked.parse(bytes).map_err(|_| Refused::Nonsense)?
    else {
        return Ok(None);
    };
    asked
        .headers
        .iter()
        .any(|header| {
            header.name.eq_ignore_ascii_case("sec-websocket-key") && header.value == KEY.as_bytes()
        })
        .then_some(Some(used))
        .ok_or(Refused::Nonsense)
}

/// The answer to it.
pub fn answer() -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
    .into_bytes()
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
    fn a_full_server_is_heard_and_a_wrong_key_is_not_accepted() {
        let full = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read_answer(full), Err(Refused::Status(503)));
        let wrong = String::from_utf8(answer()).unwrap().replace("s3pP", "S3pP");
        assert_eq!(read_answer(wrong.as_bytes()), Err(Refused::Nonsense));
        assert_eq!(
            read_answer(b"\x81\x02hi there, this is no HTTP"),
            Err(Refused::Nonsense)
        );
    }
}
