//! Another store, the Redux way: only actions change the state, by one pure function.
//!
//! Without it any file may change the list in its own way, and nobody can say how it came to be.
//! `cargo run -p reducer-game` shows one state in two files; `--example time_travel` replays it.
//! Read `store.rs` next.

pub mod logger;
pub mod store;
