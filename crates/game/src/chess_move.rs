//! A move in UCI coordinate notation, parsed once at the edge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A move as the Universal Chess Interface writes it: `e2e4`, or `e7e8q` where a pawn promotes.
///
/// It names two squares; whether a piece stands on the first and may go to the second is a
/// matter for the rules of chess, which this type does not know. Code that holds a `Move` need not
/// check it again: the only way to one is through [`Move::from_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Move {
    from: Square,
    to: Square,
    promotion: Option<Promotion>,
}

/// Why a text is not a move; each message says which part of it is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMove {
    /// It has neither four nor five characters.
    #[error("move {text:?} has {length} characters; write it like e2e4, or e7e8q to promote")]
    Length {
        /// The move as it came.
        text: String,
        /// How many characters it has.
        length: usize,
    },
    /// `0000`, with which chess engines say "I pass".
    #[error("move \"0000\" is the null move; in a game of chess nobody may pass")]
    NullMove,
    /// The first two characters are not a square.
    #[error("move {text:?} starts from {square:?}, which is not a square; squares are a1 to h8")]
    From {
        /// The move as it came.
        text: String,
        /// The part that is wrong.
        square: String,
    },
    /// The third and fourth characters are not a square.
    #[error("move {text:?} goes to {square:?}, which is not a square; squares are a1 to h8")]
    To {
        /// The move as it came.
        text: String,
        /// The part that is wrong.
        square: String,
    },
    /// Both squares are the same.
    #[error("move {text:?} ends where it began")]
    Nowhere {
        /// The move as it came.
        text: String,
    },
    /// The fifth character is not a piece that a pawn may become.
    #[error("move {text:?} promotes to {piece:?}; a pawn becomes q, r, b or n")]
    Promotion {
        /// The move as it came.
        text: String,
        /// The part that is wrong.
        piece: char,
    },
    /// A promotion, but not on a pawn's last step.
    #[error("move {text:?} promotes on the way from {from} to {to}; only a pawn's last step does")]
    PromotionTooEarly {
        /// The move as it came.
        text: String,
        /// The square before the move, for instance `e5`.
        from: String,
        /// The square after the move, for instance `e6`.
        to: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Square {
    /// 0 is the a-file, 7 the h-file.
    file: u8,
    /// 0 is White's first rank, 7 is Black's.
    rank: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Promotion {
    Queen,
    Rook,
    Bishop,
    Knight,
}

impl FromStr for Move {
    type Err = BadMove;

    fn from_str(text: &str) -> Result<Self, BadMove> {
        let own = || text.to_owned();
        if text == "0000" {
            return Err(BadMove::NullMove);
        }
        let letters: Vec<char> = text.chars().collect();
        let (from, to, piece) = match *letters.as_slice() {
            [a, b, c, d] => ((a, b), (c, d), None),
            [a, b, c, d, piece] => ((a, b), (c, d), Some(piece)),
            _ => {
                return Err(BadMove::Length {
                    text: own(),
                    length: letters.len(),
                });
            }
        };
        let from = Square::at(from).ok_or_else(|| BadMove::From {
            text: own(),
            square: letters[..2].iter().collect(),
        })?;
        let to = Square::at(to).ok_or_else(|| BadMove::To {
            text: own(),
            square: letters[2..4].iter().collect(),
        })?;
        if from == to {
            return Err(BadMove::Nowhere { text: own() });
        }
        let promotion = match piece {
            None => None,
            Some(piece) => {
                let promotion = Promotion::from_letter(piece)
                    .ok_or_else(|| BadMove::Promotion { text: own(), piece })?;
                if !from.is_one_step_from_promotion(to) {
                    return Err(BadMove::PromotionTooEarly {
                        text: own(),
                        from: from.to_string(),
                        to: to.to_string(),
                    });
                }
                Some(promotion)
            }
        };
        Ok(Self {
            from,
            to,
            promotion,
        })
    }
}

impl Square {
    fn at((file, rank): (char, char)) -> Option<Self> {
        let file = ('a'..='h').position(|letter| letter == file)?;
        let rank = ('1'..='8').position(|digit| digit == rank)?;
        Some(Self {
            file: file as u8,
            rank: rank as u8,
        })
    }

    fn is_one_step_from_promotion(self, to: Self) -> bool {
        matches!((self.rank, to.rank), (6, 7) | (1, 0)) && self.file.abs_diff(to.file) <= 1
    }
}

impl Promotion {
    fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'q' => Some(Self::Queen),
            'r' => Some(Self::Rook),
            'b' => Some(Self::Bishop),
            'n' => Some(Self::Knight),
            _ => None,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Queen => 'q',
            Self::Rook => 'r',
            Self::Bishop => 'b',
            Self::Knight => 'n',
        }
    }
}

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", (b'a' + self.file) as char, self.rank + 1)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.from, self.to)?;
        match self.promotion {
            Some(piece) => write!(f, "{}", piece.letter()),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Move {
    type Error = BadMove;

    fn try_from(text: String) -> Result<Self, BadMove> {
        text.parse()
    }
}

impl From<Move> for String {
    fn from(played: Move) -> Self {
        played.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Move>().unwrap_err().to_string()
    }

    #[test]
    fn a_move_reads_back_as_it_was_written() {
        for text in ["e2e4", "e1g1", "e7e8q", "a2b1n", "h7h8r", "c2c1b"] {
            assert_eq!(text.parse::<Move>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_refusal_names_the_part_of_the_move_that_is_wrong() {
        assert!(refusal("i2e4").contains("starts from \"i2\""));
        assert!(refusal("e2e9").contains("goes to \"e9\""));
        assert!(refusal("e7e8k").contains("promotes to 'k'"));
        assert!(refusal("e7e8Q").contains("promotes to 'Q'"));
        assert!(refusal("e2e4q").contains("from e2 to e4"));
        assert!(refusal("a7c8q").contains("only a pawn's last step"));
        assert!(refusal("e2e2").contains("ends where it began"));
        assert!(refusal("0000").contains("null move"));
        assert!(refusal("e2").contains("has 2 characters"));
        assert!(refusal("Nf3").contains("write it like e2e4"));
        assert!(refusal("é2e4").contains("starts from \"é2\""));
        assert!(refusal("").contains("has 0 characters"));
    }

    #[test]
    fn no_short_text_of_any_kind_makes_the_parser_panic() {
        let letters = ['a', 'h', 'i', '0', '1', '8', '9', 'q', 'k', '\0', 'é', '𝄞'];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text| letters.iter().map(move |letter| format!("{text}{letter}")))
                .collect();
            for text in &texts {
                if let Ok(played) = text.parse::<Move>() {
                    assert_eq!(played.to_string(), *text);
                }
            }
        }
    }
}
