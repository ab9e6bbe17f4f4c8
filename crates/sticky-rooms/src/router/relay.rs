//! One request and its answer, passed between a visitor and a server; after a handshake, all bytes.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::InspectReader;

use super::head::Head;

/// The most bytes of an answer's first line.
const MAX_STATUS_LINE: usize = 1024;
/// How long the other side may take to end, when one side of a connection has ended. A visitor who
/// vanished never does.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(10);
/// How long, and how many bytes of, a request are read after it was refused.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_LINGER: u64 = 1024 * 1024;

/// Passes a request on, and its answer back. Whatever the server sends sets `received`.
///
/// # Errors
/// One of the two connections broke.
pub(super) async fn relay(
    head: &Head,
    visitor: &mut TcpStream,
    server: &mut TcpStream,
    received: &AtomicBool,
) -> io::Result<()> {
    server.write_all(&head.to_bytes()).await?;
    let is_tunnel = {
        let (from_server, mut to_server) = server.split();
        let mut from_server = InspectReader::new(from_server, |bytes| {
            // An empty read is the end of the connection.
            if !bytes.is_empty() {
                received.store(true, Relaxed);
            }
        });
        let (mut from_visitor, mut to_visitor) = visitor.split();
        if head.is_handshake() && is_accepted(&mut from_server, &mut to_visitor).await? {
            to_server.write_all(head.rest()).await?;
            let mut up = pin!(pass(&mut from_visitor, &mut to_server));
            let mut down = pin!(pass(&mut from_server, &mut to_visitor));
            let other = tokio::select! {
                ended = &mut up => {
                    ended?;
                    timeout(HALF_CLOSED_TIMEOUT, down).await
                }
                ended = &mut down => {
                    ended?;
                    timeout(HALF_CLOSED_TIMEOUT, up).await
                }
            };
            other.unwrap_or(Ok(()))?;
            true
        } else {
            // What the visitor sends behind its one request is not passed on.
            copy(&mut from_server, &mut to_visitor).await?;
            false
        }
    };
    match is_tunnel {
        true => Ok(()),
        false => linger(visitor).await,
    }
}

/// Passes bytes on until their sender ends, and says so to their receiver.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    copy(from, to).await?;
    to.shutdown().await
}

/// Whether the server takes the handshake. A server that refuses it answers as to any request, and
/// then bytes that follow would be a second request, so they must not be passed on.
async fn is_accepted(
    from_server: &mut (impl AsyncRead + Unpin),
    to_visitor: &mut (impl AsyncWrite + Unpin),
) -> io::Result<bool> {
    let mut bytes = Vec::with_capacity(256);
    loop {
        if from_server.read_buf(&mut bytes).await? == 0 || bytes.len() > MAX_STATUS_LINE {
            return Ok(false);
        }
        if let Some(status) = status(&bytes) {
            to_visitor.write_all(&bytes).await?;
            return Ok(status == StatusCode::SWITCHING_PROTOCOLS);
        }
    }
}

/// The status of an answer, once its first line is there.
fn status(bytes: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 0];
    let mut answer = httparse::Response::new(&mut headers);
    // There is no room for headers, which is an error; the first line is read before them.
    let _ = answer.parse(bytes);
    answer.code
}

/// Answers instead of a server.
///
/// # Errors
/// The connection broke.
pub(super) async fn answer(
    mut visitor: TcpStream,
    status: StatusCode,
    kind: &str,
    text: &str,
) -> io::Result<()> {
    let length = text.len();
    let mut head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n"
    );
    match status {
        StatusCode::SERVICE_UNAVAILABLE => head.push_str("retry-after: 1\r\n"),
        StatusCode::METHOD_NOT_ALLOWED => head.push_str("allow: GET, HEAD\r\n"),
        _ => {}
    }
    visitor
        .write_all(format!("{head}\r\n{text}").as_bytes())
        .await?;
    linger(&mut visitor).await
}

/// Ends a connection whose visitor may still be sending. Closed while bytes are unread, it would be
/// reset, and the answer could be lost with it.
async fn linger(visitor: &mut TcpStream) -> io::Result<()> {
    visitor.shutdown().await?;
    let mut rest = visitor.take(MAX_LINGER);
    let _ = timeout(LINGER_TIMEOUT, copy(&mut rest, &mut sink())).await;
    Ok(())
}
