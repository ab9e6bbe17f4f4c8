//! Servers in this process, over one database, and visitors that speak to them.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
#[cfg(unix)]
use harness::ProxyProgram;
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

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The rule's tick, in tests that are not about it.
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

/// The handshake of a WebSocket, with these header lines more.
pub(crate) fn handshake(target: &str, lines: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

/// What a request is answered with: all of it, or the head alone if the connection stays open.
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
    timeout(PATIENCE, reading).await.expect("an answer");
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

/// A database that ends with the test.
pub(crate) struct Place {
    url: DatabaseUrl,
    _directory: Option<TempDir>,
}

impl Place {
    /// A SQLite file.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            url: DatabaseUrl::sqlite(directory.path().join("games.db")),
            _directory: Some(directory),
        }
    }

    /// A database that somebody else made.
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

    /// Starts a server that looks so often whether the database is ahead.
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
    /// The `room` frame that came first.
    pub(crate) whole: Value,
    pub(crate) token: String,
}

impl Visitor {
    pub(crate) async fn enter(server: SocketAddr, room: &str) -> Self {
        Self::try_enter(server, room).await.expect("the room opens")
    }

    /// With the cookie by which a sticky session knows a user again.
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

    /// Enters by a connection that is there already.
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
        let connected = timeout(PATIENCE, client_async(request, stream))
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

    /// Enters as often as it takes.
    pub(crate) async fn come_back(server: SocketAddr, room: &str) -> Self {
        let until = Instant::now() + PATIENCE;
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

    /// Enters and sits down.
    pub(crate) async fn sit(server: SocketAddr, room: &str, seat: &str) -> Self {
        let mut visitor = Self::enter(server, room).await;
        visitor.join(seat, None).await;
        visitor
    }

    pub(crate) async fn join(&mut self, seat: &str, token: Option<&str>) {
        self.say(json!({"type": "join", "seat": seat, "token": token}))
            .await;
        let answer = self.hear("seat").await;
        self.token = answer["token"].as_str().unwrap().to_owned();
    }

    /// Whether the seat was free.
    pub(crate) async fn try_to_sit(&mut self, seat: &str) -> bool {
        self.say(json!({"type": "join", "seat": seat})).await;
        loop {
            match self.next().await.unwrap()["type"].as_str() {
                Some("seat") => return true,
                Some("error") => return false,
                _ => {}
            }
        }
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.text(message.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn play(&mut self, number: usize, played: &str) {
        self.offer(number, played).await;
        loop {
            let said = self.hear("move").await;
            if said["number"] == number {
                assert_eq!(said["move"], played);
                return;
            }
        }
    }

    pub(crate) async fn offer(&mut self, number: usize, played: &str) {
        self.say(json!({"type": "move", "number": number, "move": played}))
            .await;
    }

    /// What an offer is refused with.
    pub(crate) async fn refused(&mut self, message: Value) -> String {
        self.say(message).await;
        self.code().await
    }

    pub(crate) async fn code(&mut self) -> String {
        self.hear("error").await["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The next message of this type; what comes before is passed over.
    pub(crate) async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let said = self.next().await.unwrap_or_else(|code| {
                panic!("waited for {kind}, and the server closed with {code:?}")
            });
            if said["type"] == kind {
                return said;
            }
            assert_ne!(said["type"], "error", "{said}");
        }
    }

    /// The code that the server closes with.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// The next message, or the code of the close; none where the connection just ended.
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
        timeout(PATIENCE, next)
            .await
            .expect("the server says something")
    }
}
