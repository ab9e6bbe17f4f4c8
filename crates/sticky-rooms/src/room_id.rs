//! The name of a room: what a router chooses the server by, so it has one spelling only.

use std::fmt;
use std::str::FromStr;

use game::GameId;
use serde::Serialize;

/// 1 to 64 of `a–z A–Z 0–9 . _ -`, the first a letter or a digit.
///
/// No `%`: HAProxy hashes a path as it was written and nginx decodes it first, so one room of two
/// spellings would live on two servers. No dot in front: a browser rewrites `/rooms/..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RoomId(String);

/// The text is not the name of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a room's name is 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or a digit; write /rooms/opera-1858"
)]
pub struct BadRoomId;

impl RoomId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The game that is played in it has the same name.
    pub fn game(&self) -> GameId {
        let game = self.0.parse();
        game.expect("a room's name is shorter and plainer than a game's may be")
    }
}

impl FromStr for RoomId {
    type Err = BadRoomId;

    fn from_str(id: &str) -> Result<Self, BadRoomId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let first = id.bytes().next().ok_or(BadRoomId)?;
        if id.len() > 64 || !first.is_ascii_alphanumeric() || !id.bytes().all(allowed) {
            return Err(BadRoomId);
        }
        Ok(Self(id.to_owned()))
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
