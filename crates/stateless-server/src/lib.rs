//! A stateless server: the games are in a database, so any server answers any request.
//!
//! With the games in the process, a second server would not know the first one's, a restart
//! would lose them all, and no load balancer could send a request where it likes.
//! `cargo run -p stateless-server -- demo` plays chess over three servers, kills one and adds one;
//! `demo --in-memory` does the same with the games in each process, and counts what goes wrong.
//! Read [`api`] first, then [`store`] and `store/database.rs`; the pages are
//! `lessons/01-stateless-server.md` and `lessons/01b-which-database.md`.

pub mod api;
pub mod bench;
mod database_flag;
mod database_url;
pub mod demo;
pub mod fleet;
mod player;
mod problem;
pub mod store;

pub use database_flag::DatabaseFlag;
pub use database_url::{BadDatabaseUrl, DatabaseUrl, SqlitePlace};
