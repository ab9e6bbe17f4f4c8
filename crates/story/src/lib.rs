//! The story that every store of games plays: a game is added, the logger looks, and so on.
//!
//! Each store's `main.rs` says how to add and how to look, and nothing else: if each had flags, timers
//! and a table of its own, no diff between two stores would show what differs. `cargo run -p
//! singleton-game` plays it. Read `story.rs` first, then `turns.rs`.

mod cell;
mod flags;
mod story;
mod timers;
mod turns;

pub use story::{StoreError, Story, managers};
