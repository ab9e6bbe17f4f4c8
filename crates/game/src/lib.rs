//! What every lesson keeps in memory: a chess game with its moves.
//!
//! The stores of the lessons differ only in *where* they keep a [`Game`]; if each had a game of
//! its own, nobody could compare them. `cargo run -p singleton-game` shows games being played.
//! Read `game.rs` first, then the store of the lesson you are in.

mod chess_move;
mod game;
mod game_id;
mod hidden;
mod object;
mod reader;

pub use chess_move::{BadMove, Move};
pub use game::{Game, GameError, Summary, count};
pub use game_id::{BadGameId, GameId};
pub use hidden::is_hidden;
pub use object::Object;
pub use reader::{ReadError, famous, read};
