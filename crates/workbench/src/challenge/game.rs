//! What the servers of the challenges about moves, copies and rooms receive and do. Each challenge has a part
//! of it.

use serde::{Deserialize, Serialize};

use crate::wording::message;

/// What a server receives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A user has opened the room on this server, with an empty board.
    UserConnected { user: String },
    /// A user has closed it, or has opened it elsewhere.
    UserDisconnected { user: String },
    /// A user wants to see the game.
    Get { request: u32 },
    /// A user sends a move, to be this number of the game; the first is 1.
    Move {
        request: u32,
        user: String,
        number: usize,
        play: String,
    },
    /// The database's answer to `read`.
    Game { request: u32, moves: Vec<String> },
    /// To `append` and `append_if`: the move is stored as this number.
    Appended { request: u32, number: usize },
    /// To `append_if`: another number is next. Nothing was changed; this is the game.
    Conflict { request: u32, moves: Vec<String> },
    /// A timer that the server has set.
    Timer { name: String },
}

/// What a server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Asks the database for the game. Its answer has the same `request`.
    Read { request: u32 },
    /// Stores a move at the end of the game.
    Append { request: u32, play: String },
    /// Stores a move if this number is the next one: compare and set.
    AppendIf {
        request: u32,
        number: usize,
        play: String,
    },
    /// Replies to a `move`: whether it is in the game, as that number.
    Reply { request: u32, played: bool },
    /// Replies to a `get`.
    ReplyGame { request: u32, moves: Vec<String> },
    /// Shows a move to a user.
    Send {
        user: String,
        number: usize,
        play: String,
    },
    /// Asks for an event of this name, so many milliseconds later.
    SetTimer { after: u64, name: String },
}

impl Action {
    /// Why it is refused in a challenge that has no such action.
    pub(super) fn refused(&self) -> String {
        let action = message(self, [""; 2]);
        format!("this challenge has no such action: {action}")
    }
}
