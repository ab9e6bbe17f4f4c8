//! The singleton: one GameManager for the whole process, and no way to a second.
//!
//! Without it, a file that does not keep to the rule of `exported-game` has a manager of its own.
//! `cargo run -p singleton-game` shows one truth in two files. Read `game_manager.rs` first,
//! then what the compiler refuses: `tests/compile-fail/ui/singleton-game`.
//!
#![doc = include_str!("../README.md")]

pub mod game_manager;
pub mod logger;

pub use game_manager::GameManager;
