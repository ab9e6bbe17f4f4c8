//! What a page and a server say to each other: one JSON object a text frame.

use game::Move;
use serde::{Deserialize, Serialize};

use crate::board::{End, Seat};

/// The most characters of a chat.
pub const LONGEST_CHAT: usize = 280;

/// From a page.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Asked {
    /// A seat, or again the seat that this token was given for.
    Join {
        /// Which.
        seat: Seat,
        /// What the first join was answered with.
        token: Option<String>,
    },
    /// A move; the game's first is number 1.
    Move {
        /// Which move of the game.
        number: u32,
        /// `e2e4`.
        #[serde(rename = "move")]
        played: Move,
    },
    /// A chat.
    Chat {
        /// At most [`LONGEST_CHAT`] characters.
        text: String,
    },
}

/// A chat as it is kept and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chat {
    /// `white`, `black` or `watcher`.
    pub from: &'static str,
    /// As it was written.
    pub text: String,
}

/// Whether each seat is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Somebody has the white pieces.
    pub white: bool,
    /// Somebody has the black pieces.
    pub black: bool,
}

/// From a server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said<'a> {
    /// All that a page needs to know; comes first, and again when the server had to read the game
    /// anew or the page was too slow for what was said meanwhile.
    Room {
        /// Its name.
        room: &'a str,
        /// The server that it lives on, counted from 1.
        server: usize,
        /// All moves so far.
        moves: &'a [Move],
        /// Who sits.
        seats: Taken,
        /// The latest, oldest first.
        chats: Vec<&'a Chat>,
    },
    /// To who joined: keep the token, it resumes the seat on any server.
    Seat {
        /// Which.
        seat: Seat,
        /// A secret.
        token: &'a str,
    },
    /// To all in the room.
    Move {
        /// Which move of the game; the first is 1.
        number: u32,
        /// The move.
        #[serde(rename = "move")]
        played: Move,
    },
    /// To all in the room.
    Chat(&'a Chat),
    /// To all in the room, when it changed.
    Seats(Taken),
    /// To all in the room, after the last move.
    End(End),
    /// Every second: a page that does not hear it for five connects again.
    Alive,
    /// To who asked.
    Error {
        /// For programs.
        code: &'static str,
        /// For people.
        message: &'a str,
    },
}

impl Said<'_> {
    /// The text of the frame.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("these have only texts and numbers")
    }
}

/// Why something that was asked is not done. The room is unharmed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not JSON at all.
    #[error("this is not JSON: {0}")]
    BadJson(serde_json::Error),
    /// JSON, and not a message.
    #[error(
        "no such message: {0}; send a join, a move or a chat, as in {{\"type\":\"chat\",\"text\":\"hello\"}}"
    )]
    BadMessage(serde_json::Error),
    /// Nothing to see, or longer than [`LONGEST_CHAT`].
    #[error("a chat has 1 to {LONGEST_CHAT} characters, and something to see")]
    BadChat,
    /// Against the rules of chess.
    #[error(transparent)]
    IllegalMove(#[from] crate::board::Illegal),
    /// The other side is to move.
    #[error("it is not your turn")]
    NotYourTurn,
    /// Who watches does not move.
    #[error("only who sits moves: join as white or black first")]
    NotYourSeat,
    /// Somebody has it.
    #[error("the seat is taken; watch, or come back when its player was away for a minute")]
    SeatTaken,
    /// Not the next move.
    #[error("the next move is number {next}")]
    WrongNumber {
        /// That one.
        next: usize,
    },
    /// Nothing can be moved any more.
    #[error("the game is over")]
    GameOver,
    /// What is stored is not a game of chess.
    #[error("the stored game cannot be played through: {0}")]
    BadGame(crate::board::Illegal),
    /// The database.
    #[error("the database cannot be asked now; the board is unchanged, so try again in a moment")]
    Unavailable,
}

impl Refusal {
    /// For programs.
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

    /// The text of the frame.
    pub fn text(&self) -> String {
        let message = &self.to_string();
        let code = self.code();
        Said::Error { code, message }.text()
    }
}
