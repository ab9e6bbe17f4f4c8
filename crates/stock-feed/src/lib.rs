//! A stock feed: one of many identical servers behind one pub/sub, each with one
//! [`PubSubManager`](pubsub_manager::PubSubManager) that relays prices to its own users'
//! WebSockets. Without the manager every user would be a subscriber of the broker, which then
//! has a million connections to serve instead of fifty. `cargo run -p stock-feed` shows it, on
//! a page with live prices and a look inside the server; `lessons/13a-one-price.md` explains it.
//! Read `user.rs` first (what a user costs), then `socket.rs` (how a price reaches it), then
//! `http.rs` and `server.rs` (how a user connects and leaves).

pub mod cli;
pub mod frame;
pub mod market;
pub mod publish;
pub mod request;
pub mod server;

mod addresses;
mod app;
mod broker_log;
mod cached_answer;
mod corked;
mod handshake_limiter;
mod heartbeat;
mod http;
mod pace;
mod page;
mod pulse;
mod session;
mod sessions;
mod socket;
mod stats;
mod user;

pub use app::Limits;
