//! The way out without a lock: one task owns the games, and the others send it messages.
//!
//! Without it every caller takes the same lock, and a caller that holds it too long stops all others.
//! `cargo run -p actor-game` shows one truth in two files. Read `game_manager.rs` next.

pub mod game_manager;
pub mod logger;

pub use game_manager::{AskError, GameManager};
