//! The name of a game, checked once where it comes in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::is_hidden;

/// The name of a game, unique within a store: `opera-1858`.
///
/// It has 1 to 128 characters, not only blanks and none of them [hidden](is_hidden), because an id is printed
/// on terminals and compared by people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GameId(String);

/// Why a text is not the name of a game.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGameId {
    /// It is empty, or blank.
    #[error("the id is empty; give each game a name of its own, for example opera-1858")]
    Empty,
    /// More than [`GameId::LONGEST`] characters.
    #[error("the id has {length} characters; {} are the most", GameId::LONGEST)]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// A line break, an escape or a change of the writing direction, which would garble a terminal.
    #[error("the id {id:?} holds a control character; use letters, digits and dashes")]
    ControlCharacter {
        /// The id as it came.
        id: String,
    },
}

impl GameId {
    /// The most characters that an id may have.
    pub const LONGEST: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same game played again: `opera-1858` becomes `opera-1858-2`.
    ///
    /// Only such an id may be longer than [`GameId::LONGEST`], by its suffix.
    pub fn again(&self, time: usize) -> Self {
        Self(format!("{}-{time}", self.0))
    }
}

impl TryFrom<String> for GameId {
    type Error = BadGameId;

    fn try_from(id: String) -> Result<Self, BadGameId> {
        let length = id.chars().count();
        if id.trim().is_empty() {
            return Err(BadGameId::Empty);
        }
        if length > Self::LONGEST {
            return Err(BadGameId::TooLong { length });
        }
        if id.contains(is_hidden) {
            return Err(BadGameId::ControlCharacter { id });
        }
        Ok(Self(id))
    }
}

impl FromStr for GameId {
    type Err = BadGameId;

    fn from_str(id: &str) -> Result<Self, BadGameId> {
        Self::try_from(id.to_owned())
    }
}

impl From<GameId> for String {
    fn from(id: GameId) -> Self {
        id.0
    }
}

impl fmt::Display for GameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_any_short_text_that_a_terminal_can_print() {
        assert_eq!(
            "opera-1858".parse::<GameId>().unwrap().as_str(),
            "opera-1858"
        );
        assert!("Morphy, Paris 1858".parse::<GameId>().is_ok());
        assert_eq!(" ".parse::<GameId>(), Err(BadGameId::Empty));
        assert_eq!(
            "x".repeat(129).parse::<GameId>(),
            Err(BadGameId::TooLong { length: 129 })
        );
        for hidden in ["a\u{1b}[31mb", "a\u{202e}b", "a\u{200b}b"] {
            let refused = hidden.parse::<GameId>().unwrap_err();
            assert!(matches!(refused, BadGameId::ControlCharacter { .. }));
            // The message escapes what it quotes.
            assert!(!refused.to_string().contains(is_hidden), "{refused}");
        }
    }

    #[test]
    fn a_game_played_again_has_an_id_of_its_own() {
        let opera: GameId = "opera-1858".parse().unwrap();
        assert_eq!(opera.again(2).to_string(), "opera-1858-2");
    }
}
