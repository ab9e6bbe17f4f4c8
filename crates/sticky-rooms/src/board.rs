//! The rules of chess, which cozy-chess knows.

use cozy_chess::util::parse_uci_move;
use cozy_chess::{Color, GameStatus};
use game::Move;
use serde::{Deserialize, Serialize};

/// Half-moves without a capture or a pawn's move, after which the game is drawn.
const FIFTY_MOVES: u8 = 100;

/// A side of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// The side that moves first.
    White,
    /// The side that moves second.
    Black,
}

impl Seat {
    /// White first.
    pub const BOTH: [Self; 2] = [Self::White, Self::Black];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Black => "black",
        }
    }
}

/// The result of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// `1-0`, `0-1` or `1/2-1/2`.
    pub result: &'static str,
    /// `checkmate`, `stalemate` or `fifty_moves`.
    pub reason: &'static str,
}

/// A position, reached by legal moves only.
#[derive(Clone, Debug, Default)]
pub struct Board(cozy_chess::Board);

/// The move is not one that the rules allow here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a legal move here")]
pub struct Illegal(pub Move);

impl Board {
    /// The position after these moves from the start.
    ///
    /// # Errors
    /// The first move that is not legal.
    pub fn after(moves: &[Move]) -> Result<Self, Illegal> {
        moves
            .iter()
            .try_fold(Self::default(), |board, played| board.and(*played))
    }

    /// The position after one more move. This position is not changed, because a move counts only when
    /// the database has it.
    ///
    /// # Errors
    /// The move is not legal.
    pub fn and(&self, played: Move) -> Result<Self, Illegal> {
        let mut board = self.0.clone();
        // Castling is written as the king's two steps, and is the king taking its rook inside. Written
        // so by a player (`e1h1`, as in Chess960), one move would have two spellings.
        let to = played.to_string()[2..4]
            .parse()
            .map_err(|_| Illegal(played))?;
        if board.colors(board.side_to_move()).has(to) {
            return Err(Illegal(played));
        }
        let inside = parse_uci_move(&board, &played.to_string()).map_err(|_| Illegal(played))?;
        board.try_play(inside).map_err(|_| Illegal(played))?;
        Ok(Self(board))
    }

    /// The side that moves next.
    pub fn turn(&self) -> Seat {
        match self.0.side_to_move() {
            Color::White => Seat::White,
            Color::Black => Seat::Black,
        }
    }

    /// The result, if the game is over.
    pub fn end(&self) -> Option<End> {
        let drawn = |reason| End {
            result: "1/2-1/2",
            reason,
        };
        match (self.0.status(), self.turn()) {
            (GameStatus::Ongoing, _) => None,
            (GameStatus::Won, turn) => Some(End {
                result: if turn == Seat::Black { "1-0" } else { "0-1" },
                reason: "checkmate",
            }),
            (GameStatus::Drawn, _) if self.0.halfmove_clock() >= FIFTY_MOVES => {
                Some(drawn("fifty_moves"))
            }
            (GameStatus::Drawn, _) => Some(drawn("stalemate")),
        }
    }
}
