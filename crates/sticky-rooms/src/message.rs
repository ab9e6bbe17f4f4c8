//! The messages between a page and a server: one JSON object in each text frame.

use game::Move;
use serde::{Deserialize, Serialize};

use crate::board::{End, Seat};

/// The maximum number of characters in a chat.
pub const LONGEST_CHAT: usize = 280;

/// A message from a page to its server.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Takes a seat, or resumes the seat that this token was given for.
    Join {
        /// `white` or `black`.
        seat: Seat,
        /// The token in the answer to the first join.
        token: Option<String>,
    },
    /// Plays a move, if its number is the next.
    Move {
        /// The position of the move in the game; the first is 1.
        number: u32,
        /// `e2e4`.
        #[serde(rename = "move")]
        played: Move,
    },
    /// Sends a chat to everybody in the room.
    Chat {
        /// At most [`LONGEST_CHAT`] characters.
        text: String,
    },
}

/// A chat in the form in which it is kept and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chat {
    /// `white`, `black` or `watcher`.
    pub from: &'static str,
    /// The text as its author sent it.
    pub text: String,
}

/// Whether each seat is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// True if a player has the white pieces.
    pub white: bool,
    /// True if a player has the black pieces.
    pub black: bool,
}

/// A message from a server to the visitors of a room.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The whole room. It is the first message, and is sent again when the server had to reload the
    /// game, or when the visitor fell more than 64 frames behind.
    Room {
        /// The name of the room.
        room: &'a str,
        /// The server that it lives on, counted from 1.
        server: usize,
        /// All moves of the game, in UCI notation.
        moves: &'a [Move],
        /// Which seats are taken.
        seats: Taken,
        /// The ten latest chats, oldest first.
        chats: Vec<&'a Chat>,
    },
    /// The answer to a join. The page keeps the token, which resumes the seat on any server.
    Seat {
        /// The seat that was taken or resumed.
        seat: Seat,
        /// A secret of 128 bits, in hex.
        token: &'a str,
    },
    /// A move that the database has stored, to everybody in the room.
    Move {
        /// The position of the move in the game; the first is 1.
        number: u32,
        /// The move in UCI notation, for example `e2e4` or `e7e8n`.
        #[serde(rename = "move")]
        played: Move,
    },
    /// A chat, to everybody in the room, its author included.
    Chat(&'a Chat),
    /// Which seats are taken, to everybody in the room, when that changes.
    Seats(Taken),
    /// The result, to everybody in the room, after the last move.
    End(End),
    /// Sent every second. A page that receives nothing for five seconds connects again.
    Alive,
    /// The refusal of a message, to its sender only.
    Error {
        /// One of the codes of [`Refusal::code`].
        code: &'static str,
        /// The reason, and what to do.
        message: &'a str,
    },
}

impl ServerMessage<'_> {
    /// The message as the text of a frame.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("these have only texts and numbers")
    }
}

/// Why a message is refused. The room is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The frame is not JSON.
    #[error("this is not JSON: {0}")]
    BadJson(serde_json::Error),
    /// The frame is JSON, but not one of the messages.
    #[error(
        "no such message: {0}; send a join, a move or a chat, as in {{\"type\":\"chat\",\"text\":\"hello\"}}"
    )]
    BadMessage(serde_json::Error),
    /// The chat has nothing to see, or is longer than [`LONGEST_CHAT`].
    #[error("a chat has 1 to {LONGEST_CHAT} characters, and something to see")]
    BadChat,
    /// The move breaks the rules of chess.
    #[error(transparent)]
    IllegalMove(#[from] crate::board::Illegal),
    /// The other side is to move.
    #[error("it is not your turn")]
    NotYourTurn,
    /// The visitor only watches.
    #[error("only a player moves: join as white or black first")]
    NotYourSeat,
    /// Another player has the seat.
    #[error("the seat is taken; watch, or try again when its player has been away for a minute")]
    SeatTaken,
    /// The number is not that of the next move.
    #[error("the next move is number {next}")]
    WrongNumber {
        /// The number that would be accepted.
        next: usize,
    },
    /// The game has a result.
    #[error("the game is over")]
    GameOver,
    /// The stored moves break the rules of chess.
    #[error("the stored game cannot be played through: {0}")]
    BadGame(crate::board::Illegal),
    /// The database does not answer, or refuses.
    #[error("the database does not answer; the board is unchanged, so try again in a moment")]
    Unavailable,
}

impl Refusal {
    /// The code in an error frame, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadJson(_) => "bad_json",
            Self::BadMessage(_) => "bad_message",
            Self::BadChat => "bad_chat",
            Self::IllegalMove(_) => "illegal_move",
            Self::NotYourTurn => "not_your_turn",
            Self::NotYourSeat => "not_your_seat",
            Self::SeatTaken => "seat_taken",
            Self::WrongNumber { .. } => "wrong_number",
            Self::GameOver => "game_over",
            Self::BadGame(_) => "bad_game",
            Self::Unavailable => "unavailable",
        }
    }

    /// The message as the text of a frame.
    pub fn text(&self) -> String {
        let message = &self.to_string();
        let code = self.code();
        ServerMessage::Error { code, message }.text()
    }
}
