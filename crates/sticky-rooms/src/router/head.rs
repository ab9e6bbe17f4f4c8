//! The head of a request: what the router decides by.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::room_id::RoomId;

/// The longest head that is read.
const LONGEST: usize = 16 * 1024;
/// How long a visitor may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request's head, as it was sent, and what is behind it already.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    path: String,
    room: Option<RoomId>,
    user: String,
}

impl Head {
    /// Reads a head; none if it is too long, too slow, or no HTTP.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn read(visitor: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::with_capacity(1024);
        let whole = async {
            loop {
                if visitor.read_buf(&mut bytes).await? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
                match parse(&bytes) {
                    Parsed::NotYet if bytes.len() < LONGEST => {}
                    Parsed::Head { path, user } => return Ok(Some((path, user))),
                    Parsed::NotYet | Parsed::NotHttp => return Ok(None),
                }
            }
        };
        let Ok(parsed) = timeout(PATIENCE, whole).await else {
            return Ok(None);
        };
        Ok(parsed?.map(|(path, user)| Self {
            room: RoomId::of_path(&path),
            path,
            user,
            bytes,
        }))
    }

    /// What was read, to be passed on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path, without a query.
    pub fn path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The room, if the path is a room's.
    pub fn room(&self) -> Option<&RoomId> {
        self.room.as_ref()
    }

    /// The cookie `user`; empty without one.
    pub fn user(&self) -> &str {
        &self.user
    }
}

enum Parsed {
    NotYet,
    NotHttp,
    Head { path: String, user: String },
}

fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(status) if status.is_partial() => return Parsed::NotYet,
        Ok(_) => {}
        Err(_) => return Parsed::NotHttp,
    }
    let cookies = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("cookie"))
        .filter_map(|header| str::from_utf8(header.value).ok())
        .flat_map(|value| value.split(';'));
    let user = cookies
        .filter_map(|cookie| cookie.trim().strip_prefix("user="))
        .next();
    Parsed::Head {
        path: request.path.unwrap_or_default().to_owned(),
        user: user.unwrap_or_default().to_owned(),
    }
}

/// Answers instead of a server.
///
/// # Errors
/// The connection broke.
pub async fn refuse(mut visitor: TcpStream, status: &str, text: &str) -> io::Result<()> {
    let kind = match text.starts_with('[') {
        true => "application/json",
        false => "text/plain",
    };
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
    );
    visitor.write_all(answer.as_bytes()).await?;
    visitor.shutdown().await
}
