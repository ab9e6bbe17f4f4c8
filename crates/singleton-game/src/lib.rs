//! The singleton: one GameManager for the whole process, and no way to a second.
//!
//! Without it, whoever forgets the manners of `exported-game` has a manager that sees nothing.
//! `cargo run -p singleton-game` shows one truth in two files. Read `game_manager.rs` first,
//! then what the compiler refuses: `tests/compile-fail/ui/singleton-game`.
//!
#![doc = include_str!("../README.md")]

pub mod game_manager;
pub mod logger;

pub use game_manager::GameManager;
