//! A stock feed's prices in a terminal. A feed has no use for a client that gives up when a server
//! restarts: this one reconnects, after waits that double and differ, and asks a server that has been
//! silent for ten seconds for a sign of life. `cargo run -p stock-feed -- watch ws://127.0.0.1:3000 APPL`
//! is its command line. Read `watch.rs` first, then `connection.rs`: the life of one connection.

mod connection;
mod feed_message;
mod feed_url;
mod handshake_answer;
mod screen;
mod watch;

pub use feed_url::{BadFeedUrl, FeedUrl};
pub use watch::watch;
