//! The way out: one GameManager, made in `main` and handed to the files that need it.
//!
//! Without it a function's needs are hidden in its body, and two tests share one manager.
//! `cargo run -p injected-game` shows one truth in two files, without a static.
//! Read `game_manager.rs` next, beside singleton-game's.

pub mod game_manager;
pub mod logger;

pub use game_manager::GameManager;
