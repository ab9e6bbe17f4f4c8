//! One room, in the memory of the server that it lives on.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use game::Move;
use tokio::sync::broadcast;
use tokio::time::Instant;
use unicode_width::UnicodeWidthChar;

use crate::board::{Board, Illegal, Seat};
use crate::message::{Chat, LONGEST_CHAT, Refusal, Said, Taken};
use crate::room_id::RoomId;

/// Chats that a room keeps; the eleventh pushes out the first.
pub const CHATS: usize = 10;

/// A seat whose player was away for so long is free.
pub const AWAY: Duration = Duration::from_secs(60);

/// Frames that may wait for a slow visitor; who is further behind is sent the whole room instead.
const WAITING: usize = 64;

/// What all visitors of a room are sent.
#[derive(Clone, Debug)]
pub enum Event {
    /// A frame.
    Say(Utf8Bytes),
    /// The room does not live here any more: close with 1012, which means come back.
    ComeBack,
}

/// A room. The lock around it is held while the database is asked, so that of two quick moves the
/// second finds the first one done; it is a lock for each room, so no other room waits.
#[derive(Debug)]
pub struct Room {
    id: RoomId,
    server: usize,
    board: Board,
    moves: Vec<Move>,
    /// In no database: they end with the room, and with the server.
    chats: VecDeque<Chat>,
    players: [Player; 2],
    /// The seats as the visitors were told last.
    told: Taken,
    /// How many have it open.
    pub(crate) visitors: usize,
    /// Nobody may use it any more: it was closed while somebody waited for the lock.
    pub(crate) closed: bool,
    said: broadcast::Sender<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Player {
    has_token: bool,
    here: usize,
    /// When it was seen last; a room that is opened after a crash begins to count then.
    seen: Instant,
}

impl Player {
    fn sits(&self) -> bool {
        self.has_token && (self.here > 0 || self.seen.elapsed() < AWAY)
    }
}

impl Room {
    /// A room as it is opened: from the moves that the database has, and no chats.
    ///
    /// # Errors
    /// The moves are no game of chess.
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
            told: Taken::default(),
            visitors: 0,
            closed: false,
            said: broadcast::Sender::new(WAITING),
        };
        room.told = room.seats();
        Ok(room)
    }

    /// How many moves this server knows of.
    pub fn length(&self) -> usize {
        self.moves.len()
    }

    /// From now on, what is said to all.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.said.subscribe()
    }

    /// The frame that tells a visitor all that there is to know.
    pub fn whole(&self) -> String {
        Said::Room {
            room: self.id.as_str(),
            server: self.server,
            moves: &self.moves,
            seats: self.seats(),
            chats: self.chats.iter().collect(),
        }
        .text()
    }

    /// Whether this may be the next move, and the board after it. Nothing is changed: the database
    /// is asked first.
    ///
    /// # Errors
    /// Why it may not.
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

    /// A move that the database has taken: to memory, then to everybody.
    pub fn play(&mut self, played: Move, board: Board) {
        self.moves.push(played);
        self.board = board;
        let number = self.moves.len() as u32;
        self.say(&Said::Move { number, played });
        if let Some(end) = self.board.end() {
            self.say(&Said::End(end));
        }
    }

    /// What the database has instead of what is here, to everybody.
    ///
    /// # Errors
    /// The moves are no game of chess.
    pub fn replace(&mut self, moves: Vec<Move>) -> Result<(), Illegal> {
        self.board = Board::after(&moves)?;
        self.moves = moves;
        self.send(Event::Say(self.whole().into()));
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
        self.say(&Said::Chat(&chat));
        if self.chats.len() == CHATS {
            self.chats.pop_front();
        }
        self.chats.push_back(chat);
        Ok(())
    }

    /// Whether somebody has this seat.
    pub fn is_taken(&self, seat: Seat) -> bool {
        self.players[seat as usize].sits()
    }

    /// The database says that somebody has the seat. Who sat down on another server is new here, and
    /// begins to be away now.
    pub fn learn(&mut self, seat: Seat) {
        let player = &mut self.players[seat as usize];
        if !player.has_token {
            player.has_token = true;
            player.seen = Instant::now();
            self.tell_seats();
        }
    }

    /// Somebody who has the token sits down.
    pub fn sit(&mut self, seat: Seat) {
        let player = &mut self.players[seat as usize];
        player.has_token = true;
        player.here += 1;
        self.tell_seats();
    }

    /// And is gone; the seat stays taken for a while, for a reload.
    pub fn stand_up(&mut self, seat: Seat) {
        let player = &mut self.players[seat as usize];
        player.here -= 1;
        player.seen = Instant::now();
    }

    /// Tells everybody who sits, if it is not as it was told last.
    pub fn tell_seats(&mut self) {
        let seats = self.seats();
        if seats != self.told {
            self.told = seats;
            self.say(&Said::Seats(seats));
        }
    }

    /// Sends everybody away, to come back to the server where the room lives by now.
    pub fn send_away(&mut self) {
        self.closed = true;
        self.send(Event::ComeBack);
    }

    fn seats(&self) -> Taken {
        Taken {
            white: self.is_taken(Seat::White),
            black: self.is_taken(Seat::Black),
        }
    }

    fn say(&self, said: &Said<'_>) {
        self.send(Event::Say(said.text().into()));
    }

    fn send(&self, event: Event) {
        // An error means that nobody is here to hear it.
        let _ = self.said.send(event);
    }
}

/// Whether a character puts something on the screen. A chat of zero-width characters looks empty.
fn is_visible(character: char) -> bool {
    // These have a width, and yet no ink.
    let blanks = ['\u{115f}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    let is_blank = character.is_whitespace() || blanks.contains(&character);
    !is_blank && character.width().is_some_and(|width| width > 0)
}
