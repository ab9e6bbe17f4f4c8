//! A player of the demonstration: it plays its half of a famous game, and counts the moves that it receives.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use game::Move;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::board::Seat;
use crate::room_id::RoomId;

/// How long a room may be away before the demonstration gives up: far more than it needs.
const ENTER_TIMEOUT: Duration = Duration::from_secs(20);

/// A player at a table.
#[derive(Debug)]
pub(super) struct Player {
    router: SocketAddr,
    room: RoomId,
    seat: Seat,
    token: String,
    socket: WebSocketStream<TcpStream>,
    /// The server that the room lives on, as it says itself.
    pub(super) server: usize,
    /// How many moves and chats the room had when it was entered last.
    pub(super) moves: usize,
    pub(super) chats: usize,
    /// The numbers of the moves that it received.
    pub(super) received_moves: BTreeSet<u64>,
}

impl Player {
    /// Enters the room through the router, and sits down.
    pub(super) async fn enter(router: SocketAddr, room: RoomId, seat: Seat) -> Result<Self> {
        let (socket, whole) = connect(router, &room, seat).await?;
        let mut player = Self {
            router,
            room,
            seat,
            token: String::new(),
            socket,
            server: 0,
            moves: 0,
            chats: 0,
            received_moves: BTreeSet::new(),
        };
        player.note(&whole);
        player.sit().await?;
        Ok(player)
    }

    /// Enters again, with the token, wherever the room is now.
    pub(super) async fn enter_again(&mut self) -> Result<()> {
        let (socket, whole) = connect(self.router, &self.room, self.seat).await?;
        self.socket = socket;
        self.note(&whole);
        self.sit().await
    }

    /// Plays a move, and receives until the move is confirmed.
    pub(super) async fn play(&mut self, number: usize, played: Move) -> Result<()> {
        let played = played.to_string();
        self.send(&json!({"type": "move", "number": number, "move": played}))
            .await?;
        self.receive_until(|message| message["type"] == "move" && message["number"] == number)
            .await?;
        Ok(())
    }

    /// Sends a chat, and receives until it arrives.
    pub(super) async fn chat(&mut self, text: &str) -> Result<()> {
        let seat = self.seat.as_str();
        self.send(&json!({"type": "chat", "text": text})).await?;
        self.receive_until(|message| message["type"] == "chat" && message["from"] == seat)
            .await?;
        Ok(())
    }

    async fn sit(&mut self) -> Result<()> {
        let mut join = json!({"type": "join", "seat": self.seat.as_str()});
        if !self.token.is_empty() {
            join["token"] = self.token.clone().into();
        }
        self.send(&join).await?;
        let seat = self
            .receive_until(|message| message["type"] == "seat")
            .await?;
        self.token = seat["token"].as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    async fn send(&mut self, message: &Value) -> Result<()> {
        Ok(self.socket.send(Message::text(message.to_string())).await?)
    }

    async fn receive_until(&mut self, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        loop {
            let message = receive(&mut self.socket).await?;
            match message["type"].as_str() {
                Some("error") => bail!("room {}: {}", self.room, message["message"]),
                Some("move") => self.received_moves.extend(message["number"].as_u64()),
                _ => {}
            }
            if is_it(&message) {
                return Ok(message);
            }
        }
    }

    fn note(&mut self, whole: &Value) {
        let count = |what: &str| whole[what].as_array().map_or(0, Vec::len);
        self.server = whole["server"].as_u64().unwrap_or_default() as usize;
        (self.moves, self.chats) = (count("moves"), count("chats"));
    }
}

/// Connects as often as it takes: a server that was just killed has not yet been noticed.
pub(crate) async fn connect(
    router: SocketAddr,
    room: &RoomId,
    seat: Seat,
) -> Result<(WebSocketStream<TcpStream>, Value)> {
    let until = Instant::now() + ENTER_TIMEOUT;
    loop {
        match try_connect(router, room, seat).await {
            Ok(entered) => return Ok(entered),
            Err(error) if Instant::now() > until => {
                return Err(error).with_context(|| format!("room {room} cannot be entered"));
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn try_connect(
    router: SocketAddr,
    room: &RoomId,
    seat: Seat,
) -> Result<(WebSocketStream<TcpStream>, Value)> {
    let mut request = format!("ws://{router}/rooms/{room}").into_client_request()?;
    let user = format!("user={}-{room}", seat.as_str());
    request
        .headers_mut()
        .insert("cookie", HeaderValue::from_str(&user)?);
    let stream = TcpStream::connect(router).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(request, stream).await?;
    let whole = receive(&mut socket).await?;
    Ok((socket, whole))
}

pub(crate) async fn receive(socket: &mut WebSocketStream<TcpStream>) -> Result<Value> {
    loop {
        match socket.next().await.context("the connection ended")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(frame) => bail!("the server closed: {frame:?}"),
            _ => {}
        }
    }
}
