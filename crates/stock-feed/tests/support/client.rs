//! A WebSocket client that also sends frames which a correct client would never send.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use harness::TIMEOUT;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUE: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// One user, speaking raw frames.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

/// The answer to a plain HTTP request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request, and reads the answer.
pub(crate) fn http(server: SocketAddr, request: &str) -> Answer {
    request_over(connect(server), request)
}

/// The same, from an address of the caller's choice.
pub(crate) fn http_from(source: &str, server: SocketAddr, request: &str) -> Answer {
    request_over(connect_from(source, server), request)
}

fn request_over(mut stream: TcpStream, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).unwrap();
    answer(&mut stream, String::new())
}

/// Reads the rest of an answer.
fn answer(stream: &mut TcpStream, mut text: String) -> Answer {
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .split("content-length:")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            // Not every server closes when it is asked to.
            if length.is_some_and(|length| length.trim().parse() == Ok(body.len())) {
                return parse(&text);
            }
        }
        let mut bytes = [0; 16 * 1024];
        match read(stream, &mut bytes).unwrap() {
            0 => return parse(&text),
            read => text.push_str(std::str::from_utf8(&bytes[..read]).unwrap()),
        }
    }
}

/// Reads once. The kernel does not resume a read that has a timeout after a signal (signal(7)), and this process
/// gets one whenever a child of another test ends.
fn read(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// `GET`s a path.
pub(crate) fn get(server: SocketAddr, path: &str) -> Answer {
    http(
        server,
        &format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n"),
    )
}

/// The figures of `/stats`.
pub(crate) fn stats(server: SocketAddr) -> Value {
    serde_json::from_str(&get(server, "/stats").body).unwrap()
}

fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    ready(TcpStream::connect(server).unwrap())
}

/// Connects from an address of the caller's choice.
pub(crate) fn connect_from(source: &str, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source: SocketAddr = source.parse().unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&server.into()).unwrap();
    ready(socket.into())
}

fn ready(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// This many clients, which stay connected after they have sent their part.
pub(crate) fn flood(
    server: SocketAddr,
    clients: usize,
    send: impl Fn(usize) -> String,
) -> Vec<TcpStream> {
    // Most systems give a program a thousand descriptors and let it ask for more.
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let flood = (0..clients).map(|n| {
        let mut stream = connect(server);
        // The server may have evicted it already.
        let _ = stream.write_all(send(n).as_bytes());
        stream
    });
    flood.collect()
}

/// The handshake's request, with more headers of the caller's choice.
pub(crate) fn handshake(server: SocketAddr, more: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// A client's frame, drawn from the picture in RFC 6455, section 5.2.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    if payload.len() < 126 {
        frame.push(0x80 | payload.len() as u8);
    } else if let Ok(length) = u16::try_from(payload.len()) {
        frame.push(0x80 | 126);
        frame.extend_from_slice(&length.to_be_bytes());
    } else {
        frame.push(0x80 | 127);
        frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    let mask = [7, 77, 177, 217];
    frame.extend_from_slice(&mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

impl Client {
    /// Connects, and reads the status that comes first.
    pub(crate) fn connect(server: SocketAddr) -> Self {
        let mut client = Self::silent(server);
        let status = client.json();
        assert_eq!(status["type"], "status", "the status comes first: {status}");
        client
    }

    /// Connects, and reads nothing but the end of the handshake.
    pub(crate) fn silent(server: SocketAddr) -> Self {
        Self::try_connect(server, "").unwrap_or_else(|answer| panic!("refused: {answer:?}"))
    }

    /// Connects with a small receive buffer, and reads nothing but the handshake. The kernel's default
    /// buffer takes megabytes, and the server would not notice that the client does not read.
    pub(crate) fn with_little_room(server: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&server.into()).unwrap();
        Self::shake_hands(ready(socket.into()), &handshake(server, ""))
            .unwrap_or_else(|answer| panic!("refused: {answer:?}"))
    }

    /// Connects with more headers; returns the answer if the server refuses.
    pub(crate) fn try_connect(server: SocketAddr, more: &str) -> Result<Self, Answer> {
        Self::shake_hands(connect(server), &handshake(server, more))
    }

    /// The same, from an address of the caller's choice.
    pub(crate) fn try_connect_from(
        source: &str,
        server: SocketAddr,
        more: &str,
    ) -> Result<Self, Answer> {
        Self::shake_hands(connect_from(source, server), &handshake(server, more))
    }

    /// Connects to `/ws?` and this query, and reads nothing but the end of the handshake.
    pub(crate) fn with_query(server: SocketAddr, query: &str) -> Self {
        let request = handshake(server, "").replacen("/ws", &format!("/ws?{query}"), 1);
        Self::shake_hands(connect(server), &request)
            .unwrap_or_else(|answer| panic!("refused: {answer:?}"))
    }

    fn shake_hands(mut stream: TcpStream, request: &str) -> Result<Self, Answer> {
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = stream.read_exact(&mut byte);
            read.expect("the server answers the handshake");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        if head.starts_with("HTTP/1.1 101 ") {
            // The sample key of RFC 6455, section 1.3, and its answer.
            assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
            return Ok(Self {
                stream,
                unread: Vec::new(),
            });
        }
        Err(answer(&mut stream, head))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.send(&frame(FIN | TEXT, text.as_bytes()));
    }

    pub(crate) fn subscribe(&mut self, stock: &str) {
        self.send_text(&format!(r#"{{"type":"subscribe","stock":"{stock}"}}"#));
    }

    pub(crate) fn unsubscribe(&mut self, stock: &str) {
        self.send_text(&format!(r#"{{"type":"unsubscribe","stock":"{stock}"}}"#));
    }

    /// Subscribes, and reads the acknowledgement.
    pub(crate) fn subscribe_acknowledged(&mut self, stock: &str) {
        self.subscribe(stock);
        assert_eq!(
            self.text(),
            format!(r#"{{"type":"subscribed","stock":"{stock}"}}"#)
        );
    }

    /// The next frame: its opcode and its payload, or `None` if the server has closed.
    pub(crate) fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Some(frame);
            }
            let mut bytes = [0; 16 * 1024];
            match read(&mut self.stream, &mut bytes) {
                Ok(0) => return None,
                Ok(read) => self.unread.extend_from_slice(&bytes[..read]),
                Err(error) => panic!("no frame came: {error}"),
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, length) = (*self.unread.first()?, *self.unread.get(1)?);
        assert!(length < 128, "a server does not mask");
        let (start, length) = match length {
            126 => (
                4,
                u16::from_be_bytes([*self.unread.get(2)?, *self.unread.get(3)?]) as usize,
            ),
            127 => panic!("this server sends no frame that long"),
            short => (2, short as usize),
        };
        let payload = self.unread.get(start..start + length)?.to_vec();
        self.unread.drain(..start + length);
        assert_eq!(first & 0xf0, FIN, "a whole frame without reserved bits");
        Some((first & 0xf, payload))
    }

    /// The next text message; a ping in between is answered.
    pub(crate) fn text(&mut self) -> String {
        loop {
            match self.frame() {
                Some((TEXT, payload)) => return String::from_utf8(payload).unwrap(),
                Some((PING, payload)) => self.send(&frame(FIN | PONG, &payload)),
                other => panic!("a text message was expected, not {other:?}"),
            }
        }
    }

    pub(crate) fn json(&mut self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// Reads until the server closes, with this code.
    #[track_caller]
    pub(crate) fn expect_close(&mut self, code: u16) {
        assert_eq!(self.until_closed(), Some(code));
    }

    /// Reads until the server has closed, and returns its code: none if there was no close frame.
    pub(crate) fn until_closed(&mut self) -> Option<u16> {
        loop {
            if let (CLOSE, payload) = self.frame()? {
                assert_eq!(self.frame(), None, "nothing comes after a close frame");
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
    }
}
