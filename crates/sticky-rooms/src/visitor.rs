//! One WebSocket: the messages of a page, and the frames that it is sent.

use std::time::Duration;

use axum::Error;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use game::Object;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite;

use crate::board::Seat;
use crate::message::{ClientMessage, Refusal, ServerMessage};
use crate::room::RoomEvent;
use crate::room_id::RoomId;
use crate::rooms::{Rooms, SharedRoom};

/// How often a page is sent "alive". Pages send nothing on a timer, because any byte from a page makes
/// nginx wait longer for a frozen server.
const ALIVE: Duration = Duration::from_secs(1);

/// How long a visitor may take to receive a frame before its connection is ended.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// How many pings in a row may stay unanswered. Behind a router a visitor who vanished without a word,
/// because a laptop was closed or a cable pulled, looks like one who thinks about a move: without the
/// pings, the seat would be taken until TCP gives up, which takes a quarter of an hour.
const UNANSWERED_PINGS: u32 = 2;

/// WebSocket's close codes (RFC 6455, 7.4.1, and IANA's registry).
mod code {
    pub(super) const BINARY: u16 = 1003;
    pub(super) const NOT_UTF_8: u16 = 1007;
    pub(super) const PROTOCOL: u16 = 1002;
    pub(super) const TOO_BIG: u16 = 1009;
    pub(super) const BAD_GAME: u16 = 1011;
    pub(super) const COME_BACK: u16 = 1012;
}

/// Serves one visitor of a room until it leaves or is sent away.
pub(crate) async fn serve(rooms: Rooms, id: RoomId, mut socket: WebSocket, ping_every: Duration) {
    let mut ending = rooms.ending();
    let entered = tokio::select! {
        entered = rooms.enter(&id) => entered,
        () = ends(&mut ending) => return close(socket, MOVED).await,
    };
    let entered = match entered {
        Ok(entered) => entered,
        Err(refusal) => {
            let code = match refusal {
                Refusal::BadGame(_) => code::BAD_GAME,
                _ => code::COME_BACK,
            };
            let _ = timeout(SEND_TIMEOUT, socket.send(refusal.text().into())).await;
            return close(socket, (code, refusal.code())).await;
        }
    };
    let mut visitor = Visitor {
        rooms: &rooms,
        id: &id,
        shared: &entered.room,
        seat: None,
        socket: &mut socket,
        ping_every,
    };
    let ended = tokio::select! {
        ended = visitor.talk(entered.whole, entered.events) => ended,
        // The server ends, and the visitor still waits for the database. Whether its move is stored is
        // known to the database alone: the next server reads it there.
        () = ends(&mut ending) => Some(MOVED),
    };
    let seat = visitor.seat;
    rooms.leave(&id, &entered.room, seat).await;
    if let Some(close_frame) = ended {
        close(socket, close_frame).await;
    }
}

/// Done when the server ends.
async fn ends(ending: &mut watch::Receiver<bool>) {
    // An error means the same.
    let _ = ending.wait_for(|ending| *ending).await;
}

struct Visitor<'a> {
    rooms: &'a Rooms,
    id: &'a RoomId,
    shared: &'a SharedRoom,
    seat: Option<Seat>,
    socket: &'a mut WebSocket,
    ping_every: Duration,
}

/// The code and the reason of a close.
type CloseReason = (u16, &'static str);

/// How a conversation ended; none if the connection is gone already.
type Ended = Option<CloseReason>;

/// The room was closed here, and is opened again by who joins next.
const MOVED: CloseReason = (code::COME_BACK, "the room moved: come back");

impl Visitor<'_> {
    async fn talk(&mut self, whole: String, mut events: Receiver<RoomEvent>) -> Ended {
        if !self.send(whole.into()).await {
            return None;
        }
        let mut alive = interval_at(Instant::now() + ALIVE, ALIVE);
        let mut pings = interval_at(Instant::now() + self.ping_every, self.ping_every);
        let mut unanswered = 0;
        loop {
            let frame = tokio::select! {
                received = self.socket.recv() => {
                    unanswered = 0;
                    match received? {
                        Ok(Message::Text(text)) => match self.answer(text.as_str()).await {
                            Ok(None) => continue,
                            Ok(Some(text)) => text.into(),
                            Err(refusal) => refusal.text().into(),
                        },
                        Ok(Message::Binary(_)) => return Some((code::BINARY, "text frames only")),
                        Ok(Message::Close(_)) => return None,
                        Ok(_) => continue,
                        Err(error) => return broken(error),
                    }
                }
                _ = pings.tick() => {
                    if unanswered == UNANSWERED_PINGS {
                        return None;
                    }
                    unanswered += 1;
                    Message::Ping(Bytes::new())
                }
                event = events.recv() => match event {
                    Ok(RoomEvent::Frame(text)) => Message::Text(text),
                    Ok(RoomEvent::ComeBack) | Err(RecvError::Closed) => {
                        return Some(MOVED);
                    }
                    // More than 64 frames behind: instead of them, the whole room as it is now.
                    Err(RecvError::Lagged(_)) => {
                        let room = self.shared.lock().await;
                        if room.closed {
                            return Some(MOVED);
                        }
                        events = room.subscribe();
                        room.whole().into()
                    }
                },
                _ = alive.tick() => ServerMessage::Alive.text().into(),
            };
            if !self.send(frame).await {
                return None;
            }
        }
    }

    /// Carries out a message. What concerns everybody is sent by the room; only a join is answered here.
    async fn answer(&mut self, text: &str) -> Result<Option<String>, Refusal> {
        let json: serde_json::Value = serde_json::from_str(text).map_err(Refusal::BadJson)?;
        let Object(message) = serde_json::from_value(json).map_err(Refusal::BadMessage)?;
        match message {
            ClientMessage::Join { seat, token } => {
                if self.seat.is_some_and(|mine| mine != seat) {
                    return Err(Refusal::SeatTaken);
                }
                let token = self.rooms.join(self.id, self.shared, seat, token).await?;
                // The page joins again with its token each time it is sent the whole room. Counted
                // twice, it would keep its seat after it left, until the server ends.
                if self.seat.replace(seat).is_some() {
                    self.shared.lock().await.stand_up(seat);
                }
                let token = &token;
                return Ok(Some(ServerMessage::Seat { seat, token }.text()));
            }
            ClientMessage::Move { number, played } => {
                let play = self
                    .rooms
                    .play(self.id, self.shared, self.seat, number, played);
                play.await?;
            }
            ClientMessage::Chat { text } => self.shared.lock().await.chat(self.seat, text)?,
        }
        Ok(None)
    }

    /// Sends a frame; false if the connection is gone.
    async fn send(&mut self, frame: Message) -> bool {
        matches!(
            timeout(SEND_TIMEOUT, self.socket.send(frame)).await,
            Ok(Ok(()))
        )
    }
}

/// The close for a connection on which something invalid was received; none if it is gone.
fn broken(error: Error) -> Ended {
    let inner = error.into_inner();
    match inner.downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(_) => Some((code::TOO_BIG, "a frame is at most 4 KiB")),
        tungstenite::Error::Utf8(_) => Some((code::NOT_UTF_8, "text is UTF-8")),
        tungstenite::Error::Protocol(_) => Some((code::PROTOCOL, "not WebSocket")),
        _ => None,
    }
}

async fn close(mut socket: WebSocket, (code, reason): CloseReason) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let _ = timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
    // The page answers a close with a close. If the connection ended before that answer, the page might
    // read a reset instead of the code.
    let _ = timeout(Duration::from_secs(1), async {
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
}
