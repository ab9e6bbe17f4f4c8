//! A game of chess as a backend holds it, and what can go wrong with one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GameId, Move, is_hidden};

/// A game that is being played.
///
/// In JSON:
/// `{"id":"opera-1858","white_player":"Morphy","black_player":"Duke Karl / Count Isouard","moves":["e2e4","e7e5"]}`,
/// with an optional `"year":1858`; other fields are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Game {
    /// Unique within a store.
    pub id: GameId,
    /// Who has the white pieces.
    pub white_player: String,
    /// Who has the black pieces.
    pub black_player: String,
    /// The year in which it was played, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// White's first move, Black's first, White's second, and so on.
    pub moves: Vec<Move>,
}

/// Why a store refused a game or a move.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GameError {
    /// A move for a game that this store does not hold.
    #[error("there is no game {:?} here; add it first, or ask the store that holds it", .0.as_str())]
    UnknownGame(GameId),
    /// A second game of the same name.
    #[error("there is a game {:?} already; give the new one an id of its own", .0.as_str())]
    DuplicateGame(GameId),
}

/// What a store holds, in two numbers: `10 games  612 moves`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of games.
    pub games: usize,
    /// The number of moves in all of them together.
    pub moves: usize,
}

impl Game {
    /// The game as the logger's table names it: `Anderssen-Kieseritzky 1851`.
    ///
    /// Characters that are [hidden](is_hidden) are left out, so that a file of games cannot garble a terminal.
    pub fn title(&self) -> String {
        let players = format!("{}-{}", self.white_player, self.black_player);
        let year = self.year.map(|year| format!(" {year}"));
        let title = players + &year.unwrap_or_default();
        title.chars().filter(|c| !is_hidden(*c)).collect()
    }

    /// The same game before its first move.
    pub fn at_its_start(&self) -> Self {
        Self {
            id: self.id.clone(),
            white_player: self.white_player.clone(),
            black_player: self.black_player.clone(),
            year: self.year,
            moves: Vec::new(),
        }
    }
}

impl<'a> FromIterator<&'a Game> for Summary {
    fn from_iter<I: IntoIterator<Item = &'a Game>>(games: I) -> Self {
        games.into_iter().fold(Self::default(), |sum, game| Self {
            games: sum.games + 1,
            moves: sum.moves + game.moves.len(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<9}  {}",
            count(self.games, "game"),
            count(self.moves, "move")
        )
    }
}

/// `1 game`, `2 games`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("{number} {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERA: &str = r#"{"id":"opera-1858","white_player":"Morphy","black_player":"Duke Karl / Count Isouard","moves":["e2e4","e7e5"]}"#;

    #[test]
    fn a_game_reads_from_json_and_writes_back_the_same() {
        let game: Game = serde_json::from_str(OPERA).unwrap();
        assert_eq!(game.title(), "Morphy-Duke Karl / Count Isouard");
        assert_eq!(serde_json::to_string(&game).unwrap(), OPERA);
    }

    #[test]
    fn a_players_name_cannot_send_escapes_to_the_terminal() {
        let mut game: Game = serde_json::from_str(OPERA).unwrap();
        game.white_player = "Mor\u{1b}[2Jphy\n".to_owned();
        assert_eq!(game.title(), "Mor[2Jphy-Duke Karl / Count Isouard");
    }

    #[test]
    fn an_error_names_the_game_and_says_what_to_do() {
        let error = GameError::UnknownGame("opera-1858".parse().unwrap());
        assert_eq!(
            error.to_string(),
            "there is no game \"opera-1858\" here; add it first, or ask the store that holds it"
        );
    }
}
