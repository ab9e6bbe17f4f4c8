//! Servers in this process, over one database, and visitors that speak to them.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
#[cfg(unix)]
use harness::ProxyProgram;
/// How long a test waits for what must happen.
pub(crate) use harness::TIMEOUT;
use serde_json::{Value, json};
use stateless_server::DatabaseUrl;
use stateless_server::store::Database;
#[cfg(unix)]
use sticky_rooms::proxy::Program;
use sticky_rooms::rooms::{Rooms, look_every};
use sticky_rooms::seats::Seats;
use sticky_rooms::server::{Options, router};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How often a server compares its rooms with the database, in tests that are not about that.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);

/// Targets that some parsers read as the room `opera-1858`, and others as another one.
pub(crate) const SPELLINGS: [&str; 10] = [
    "/rooms/opera-1858#x",
    "/rooms/opera-1858#/rooms/other",
    "http://127.0.0.1/rooms/opera-1858",
    "HTTP://other/rooms/opera-1858?x",
    "//other/rooms/opera-1858",
    "/rooms//opera-1858",
    "/rooms/./opera-1858",
    "/x/../rooms/opera-1858",
    "/rooms/opera%2D1858",
    "/rooms/opera-1858%3Fx",
];

/// The handshake of a WebSocket, with additional header lines.
pub(crate) fn handshake(target: &str, lines: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

/// The answer to a request: all of it, or only the head if the connection stays open.
pub(crate) async fn answer(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = async {
        loop {
            // A server keeps these two open; behind our router every other answer ends its connection.
            let stays_open = [b"HTTP/1.1 101 ", b"HTTP/1.1 421 "]
                .iter()
                .any(|begins| answer.starts_with(*begins));
            let opens = stays_open && answer.windows(4).any(|end| end == b"\r\n\r\n");
            // An error ends a connection as well.
            if opens || stream.read_buf(&mut answer).await.unwrap_or(0) == 0 {
                return;
            }
        }
    };
    timeout(TIMEOUT, reading).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether the program is not installed, and the test is skipped.
#[cfg(unix)]
pub(crate) fn is_missing(program: Program) -> bool {
    let program = match program {
        Program::Haproxy => ProxyProgram::Haproxy,
        Program::Nginx => ProxyProgram::Nginx,
    };
    !program.is_installed()
}

/// A database that is deleted after the test, and servers over it.
pub(crate) struct Fixture {
    url: DatabaseUrl,
    _directory: Option<TempDir>,
}

impl Fixture {
    /// A SQLite file in a temporary directory.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            url: DatabaseUrl::sqlite(directory.path().join("games.db")),
            _directory: Some(directory),
        }
    }

    /// A database that the caller has made.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            url: url.parse().unwrap(),
            _directory: None,
        }
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        self.url.clone()
    }

    pub(crate) async fn database(&self) -> Database {
        Database::open(&self.url).await.unwrap()
    }

    /// Starts a server that compares its rooms with the database this often.
    pub(crate) async fn server(&self, number: usize, look: Duration) -> SocketAddr {
        server(self.database().await, number, look).await
    }

    pub(crate) async fn server_with(&self, options: Options) -> SocketAddr {
        serve(self.database().await, 1, NEVER, options).await
    }
}

pub(crate) async fn server(database: Database, number: usize, look: Duration) -> SocketAddr {
    serve(database, number, look, Options::default()).await
}

async fn serve(database: Database, number: usize, look: Duration, options: Options) -> SocketAddr {
    let seats = Seats::open(&database).await.unwrap();
    let rooms = Rooms::new(number, database, seats);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(look_every(look, rooms.clone()));
    tokio::spawn(program::http::serve(
        listener,
        router(rooms, options),
        std::future::pending(),
    ));
    address
}

/// A visitor of a room.
pub(crate) struct Visitor {
    pub(crate) socket: WebSocketStream<TcpStream>,
    /// The first frame, which is of the type `room`.
    pub(crate) whole: Value,
    pub(crate) token: String,
}

impl Visitor {
    pub(crate) async fn enter(server: SocketAddr, room: &str) -> Self {
        Self::try_enter(server, room).await.expect("the room opens")
    }

    /// Enters with the cookie by which a sticky session recognises a user.
    pub(crate) async fn enter_as(server: SocketAddr, room: &str, user: &str) -> Self {
        let entered = Self::connect(server, room, Some(user)).await;
        entered.expect("the room opens")
    }

    pub(crate) async fn try_enter(server: SocketAddr, room: &str) -> Option<Self> {
        Self::connect(server, room, None).await
    }

    async fn connect(server: SocketAddr, room: &str, user: Option<&str>) -> Option<Self> {
        let stream = TcpStream::connect(server).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Self::connect_over(stream, room, user).await
    }

    /// Enters over an existing connection.
    pub(crate) async fn connect_over(
        stream: TcpStream,
        room: &str,
        user: Option<&str>,
    ) -> Option<Self> {
        let server = stream.peer_addr().ok()?;
        let url = format!("ws://{server}/rooms/{room}");
        let mut request = url.into_client_request().unwrap();
        if let Some(user) = user {
            let cookie = format!("user={user}").parse().unwrap();
            request.headers_mut().insert("cookie", cookie);
        }
        let connected = timeout(TIMEOUT, client_async(request, stream))
            .await
            .unwrap();
        let mut visitor = Self {
            socket: connected.ok()?.0,
            whole: Value::Null,
            token: String::new(),
        };
        visitor.whole = visitor.next().await.ok()?;
        Some(visitor)
    }

    /// Tries to enter until it succeeds.
    pub(crate) async fn reenter(server: SocketAddr, room: &str) -> Self {
        let until = Instant::now() + TIMEOUT;
        loop {
            if let Some(visitor) = Self::try_enter(server, room).await {
                return visitor;
            }
            assert!(
                Instant::now() < until,
                "room {room} cannot be entered again"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Enters and takes a seat.
    pub(crate) async fn sit(server: SocketAddr, room: &str, seat: &str) -> Self {
        let mut visitor = Self::enter(server, room).await;
        visitor.join(seat, None).await;
        visitor
    }

    pub(crate) async fn join(&mut self, seat: &str, token: Option<&str>) {
        self.send(json!({"type": "join", "seat": seat, "token": token}))
            .await;
        let answer = self.receive("seat").await;
        self.token = answer["token"].as_str().unwrap().to_owned();
    }

    /// Whether the seat was free.
    pub(crate) async fn try_to_sit(&mut self, seat: &str) -> bool {
        self.send(json!({"type": "join", "seat": seat})).await;
        loop {
            match self.next().await.unwrap()["type"].as_str() {
                Some("seat") => return true,
                Some("error") => return false,
                _ => {}
            }
        }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.text(message.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn play(&mut self, number: usize, played: &str) {
        self.send_move(number, played).await;
        loop {
            let message = self.receive("move").await;
            if message["number"] == number {
                assert_eq!(message["move"], played);
                return;
            }
        }
    }

    pub(crate) async fn send_move(&mut self, number: usize, played: &str) {
        self.send(json!({"type": "move", "number": number, "move": played}))
            .await;
    }

    /// The code with which a message is refused.
    pub(crate) async fn refused(&mut self, message: Value) -> String {
        self.send(message).await;
        self.code().await
    }

    pub(crate) async fn code(&mut self) -> String {
        self.receive("error").await["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The next message of this type; messages of other types are skipped.
    pub(crate) async fn receive(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.unwrap_or_else(|code| {
                panic!("waited for {kind}, and the server closed with {code:?}")
            });
            if message["type"] == kind {
                return message;
            }
            assert_ne!(message["type"], "error", "{message}");
        }
    }

    /// The code with which the server closes.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// The next message, or the code of the close: none if the connection ended without one.
    pub(crate) async fn next(&mut self) -> Result<Value, Option<u16>> {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Ok(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(frame))) => {
                        return Err(frame.map(|frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        };
        timeout(TIMEOUT, next)
            .await
            .expect("the server sends something")
    }
}
