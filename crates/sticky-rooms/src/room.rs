//! One room, in the memory of the server that it lives on.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use game::Move;
use tokio::sync::broadcast;
use tokio::time::Instant;
use unicode_width::UnicodeWidthChar;

use crate::board::{Board, Illegal, Seat};
use crate::message::{Chat, LONGEST_CHAT, Refusal, ServerMessage, Taken};
use crate::room_id::RoomId;

/// Chats that a room keeps; the eleventh pushes out the first.
pub const CHATS: usize = 10;

/// How long a seat is kept for a player who has left.
pub const SEAT_GRACE: Duration = Duration::from_secs(60);

/// Frames that may wait for a slow visitor. A visitor who falls further behind is sent the whole room
/// instead.
const MAX_PENDING_FRAMES: usize = 64;

/// What the room sends to all of its visitors.
#[derive(Clone, Debug)]
pub enum RoomEvent {
    /// A text frame for every visitor.
    Frame(Utf8Bytes),
    /// The room does not live here any more: close with 1012, which means come back.
    ComeBack,
}

/// A room. The lock around it is held while the database stores a move, so that the second of two quick
/// moves finds the first one done. Each room has a lock of its own, so no other room waits.
#[derive(Debug)]
pub struct Room {
    id: RoomId,
    server: usize,
    board: Board,
    moves: Vec<Move>,
    /// In no database: they end with the room, and with the server.
    chats: VecDeque<Chat>,
    players: [Player; 2],
    /// The seats as they were last announced to the visitors.
    announced: Taken,
    /// How many visitors are in the room. The last one closes it.
    pub(crate) visitors: usize,
    /// Set under the room's lock by the task that removes the room from the map. A visitor who waited for the
    /// lock meanwhile has a room that the map no longer has, and must open it again.
    pub(crate) closed: bool,
    events: broadcast::Sender<RoomEvent>,
}

#[derive(Clone, Copy, Debug)]
struct Player {
    has_token: bool,
    here: usize,
    /// When the player left. A room that is opened after a crash counts from its opening.
    seen: Instant,
}

impl Player {
    fn sits(&self) -> bool {
        self.has_token && (self.here > 0 || self.seen.elapsed() < SEAT_GRACE)
    }
}

impl Room {
    /// Opens a room with the moves that the database has, and without chats.
    ///
    /// # Errors
    /// The moves break the rules of chess.
    pub fn open(
        id: RoomId,
        server: usize,
        moves: Vec<Move>,
        taken: [bool; 2],
    ) -> Result<Self, Illegal> {
        let player = |has_token| Player {
            has_token,
            here: 0,
            seen: Instant::now(),
        };
        let mut room = Self {
            id,
            server,
            board: Board::after(&moves)?,
            moves,
            chats: VecDeque::new(),
            players: taken.map(player),
            announced: Taken::default(),
            visitors: 0,
            closed: false,
            events: broadcast::Sender::new(MAX_PENDING_FRAMES),
        };
        room.announced = room.seats();
        Ok(room)
    }

    /// The number of moves in this server's memory.
    pub fn length(&self) -> usize {
        self.moves.len()
    }

    /// A receiver of everything that is sent to all visitors from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<RoomEvent> {
        self.events.subscribe()
    }

    /// The frame with the whole room.
    pub fn whole(&self) -> String {
        ServerMessage::Room {
            room: self.id.as_str(),
            server: self.server,
            moves: &self.moves,
            seats: self.seats(),
            chats: self.chats.iter().collect(),
        }
        .text()
    }

    /// Checks that this may be the next move, and returns the board after it. The room is not changed: the
    /// database stores the move first.
    ///
    /// # Errors
    /// The reason why the move is refused.
    pub fn check(&self, seat: Option<Seat>, number: u32, played: Move) -> Result<Board, Refusal> {
        let seat = seat.ok_or(Refusal::NotYourSeat)?;
        let next = self.moves.len() + 1;
        if self.board.end().is_some() {
            return Err(Refusal::GameOver);
        }
        if number as usize != next {
            return Err(Refusal::WrongNumber { next });
        }
        if seat != self.board.turn() {
            return Err(Refusal::NotYourTurn);
        }
        Ok(self.board.and(played)?)
    }

    /// Adds a move that the database has stored, and sends it to everybody.
    pub fn play(&mut self, played: Move, board: Board) {
        self.moves.push(played);
        self.board = board;
        let number = self.moves.len() as u32;
        self.broadcast(&ServerMessage::Move { number, played });
        if let Some(end) = self.board.end() {
            self.broadcast(&ServerMessage::End(end));
        }
    }

    /// Replaces the moves by those of the database, and sends the whole room to everybody.
    ///
    /// # Errors
    /// The moves break the rules of chess.
    pub fn replace(&mut self, moves: Vec<Move>) -> Result<(), Illegal> {
        self.board = Board::after(&moves)?;
        self.moves = moves;
        self.send(RoomEvent::Frame(self.whole().into()));
        Ok(())
    }

    /// Keeps a chat and sends it to everybody.
    ///
    /// # Errors
    /// It has nothing to see, or is too long.
    pub fn chat(&mut self, from: Option<Seat>, text: String) -> Result<(), Refusal> {
        if !text.chars().any(is_visible) || text.chars().count() > LONGEST_CHAT {
            return Err(Refusal::BadChat);
        }
        let from = from.map_or("watcher", Seat::as_str);
        let chat = Chat { from, text };
        self.broadcast(&ServerMessage::Chat(&chat));
        if self.chats.len() == CHATS {
            self.chats.pop_front();
        }
        self.chats.push_back(chat);
        Ok(())
    }

    /// Whether a player has this seat, or had it less than [`SEAT_GRACE`] ago.
    pub fn is_taken(&self, seat: Seat) -> bool {
        self.players[seat as usize].sits()
    }

    /// Notes that the database has a player for the seat. A player who sat down on another server is new
    /// here, and counts as away from now on.
    pub fn learn(&mut self, seat: Seat) {
        let player = &mut self.players[seat as usize];
        if !player.has_token {
            player.has_token = true;
            player.seen = Instant::now();
            self.announce_seats();
        }
    }

    /// A player who has the seat's token is here.
    pub fn sit(&mut self, seat: Seat) {
        let player = &mut self.players[seat as usize];
        player.has_token = true;
        player.here += 1;
        self.announce_seats();
    }

    /// The player has left. The seat is kept for [`SEAT_GRACE`], for a reload.
    pub fn stand_up(&mut self, seat: Seat) {
        let player = &mut self.players[seat as usize];
        player.here -= 1;
        player.seen = Instant::now();
    }

    /// Sends the seats to everybody, if they have changed since the last time.
    pub fn announce_seats(&mut self) {
        let seats = self.seats();
        if seats != self.announced {
            self.announced = seats;
            self.broadcast(&ServerMessage::Seats(seats));
        }
    }

    /// Closes the room: its visitors connect again, and reach the server where the room lives now.
    pub fn send_away(&mut self) {
        self.closed = true;
        self.send(RoomEvent::ComeBack);
    }

    fn seats(&self) -> Taken {
        Taken {
            white: self.is_taken(Seat::White),
            black: self.is_taken(Seat::Black),
        }
    }

    fn broadcast(&self, message: &ServerMessage<'_>) {
        self.send(RoomEvent::Frame(message.text().into()));
    }

    fn send(&self, event: RoomEvent) {
        // An error means that the room has no visitors.
        let _ = self.events.send(event);
    }
}

/// Whether a character puts something on the screen. A chat of zero-width characters looks empty.
fn is_visible(character: char) -> bool {
    // These have a width, and yet no ink.
    let blanks = ['\u{115f}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    let is_blank = character.is_whitespace() || blanks.contains(&character);
    !is_blank && character.width().is_some_and(|width| width > 0)
}
