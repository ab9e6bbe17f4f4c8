//! The name of a player, checked once where it comes in.

use serde::Deserialize;

/// 1 to 128 characters, none of them a control character: a name is printed on terminals, and
/// Postgres cannot keep a NUL in a text, where SQLite can.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Player(String);

/// Why a text is not the name of a player.
#[derive(Debug, thiserror::Error)]
#[error("a player's name has 1 to {LONGEST} characters and no control character")]
pub(crate) struct BadPlayer;

/// The most characters that a name may have.
const LONGEST: usize = 128;

impl TryFrom<String> for Player {
    type Error = BadPlayer;

    fn try_from(name: String) -> Result<Self, BadPlayer> {
        let fits = !name.trim().is_empty() && name.chars().count() <= LONGEST;
        if fits && !name.contains(char::is_control) {
            Ok(Self(name))
        } else {
            Err(BadPlayer)
        }
    }
}

impl From<Player> for String {
    fn from(player: Player) -> Self {
        player.0
    }
}
