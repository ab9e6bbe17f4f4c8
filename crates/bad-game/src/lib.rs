//! State with behaviour, the bad way: each file that needs a GameManager makes one.
//!
//! Both managers are correct, and neither knows of the other's games. `cargo run -p bad-game`
//! shows a logger that never sees a game. Read `main.rs` and `logger.rs` side by side, then
//! the examples: Rust has ways of its own to own two by accident.

pub mod game_manager;
pub mod logger;

pub use game_manager::GameManager;
