//! What every lesson keeps in memory: a chess game with its moves.
//!
//! The stores of the lessons differ only in *where* they keep a [`Game`]; if each had a game of
//! its own, nobody could compare them. `cargo run -p singleton-game` shows games being played.
//! Read `game.rs` first, then the store of the lesson you are in.

mod chess_move;
mod flags;
mod game;
mod game_id;
mod object;
mod printed;
mod reader;
mod story;

pub use chess_move::{BadMove, Move};
pub use game::{Game, GameError, Summary, count};
pub use game_id::{BadGameId, GameId};
pub use object::Object;
pub use printed::is_hidden;
pub use reader::{ReadError, famous, read};
pub use story::{StoreError, Story, managers};
