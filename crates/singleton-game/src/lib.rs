//! The singleton: one GameManager for the whole process, and no way to a second.
//!
//! Without it, a file that does not keep to the rule of `exported-game` has a manager of its own.
//! `cargo run -p singleton-game` shows one truth in two files. Read [`game_manager`] first,
//! then what the compiler refuses: `tests/compile-fail/ui/singleton-game`. The page is
//! `lessons/10-singleton-game.md`.
//!
//! ```
//! use singleton_game::GameManager;
//!
//! let game = game::famous().swap_remove(0);
//! GameManager::instance().add_game(game)?;
//! // In another file, by the same name: the same manager.
//! assert_eq!(GameManager::instance().games().len(), 1);
//! # Ok::<(), game::GameError>(())
//! ```
//!
#![doc = include_str!("../README.md")]

pub mod game_manager;
pub mod logger;

pub use game_manager::GameManager;
