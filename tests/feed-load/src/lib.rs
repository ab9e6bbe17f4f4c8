//! A yardstick is only as good as what it is held against: `feed-load` measures a stock feed
//! beside the physical limit, a bare loop of `write()`, in the same run on the same machine.
//! Without the limit a figure says more about the machine than about the server.
//! `cargo run --release -p feed-load -- compare` prints the table; `users`, `limit` and `fleet`
//! are its parts, up to a million users.
//! Read `follow.rs` first (what becomes of a price), then `crowd.rs` (how thousands of users
//! live on one thread), then `bare_loop.rs` (the limit).
#![cfg(target_os = "linux")]

// The small nouns: a price that knows its number, a frame, a message, one user's books.
pub mod counts;
pub mod follow;
pub mod frame;
pub mod handshake;
pub mod latency;
pub mod message;
pub mod stamp;

// Users: one, a crowd in one process, all crowds together.
pub mod crew;
pub mod crowd;
pub mod crowd_process;
pub mod orders;
pub mod picks;
pub mod user;

// What they are held against, and what it costs.
pub mod bare_loop;
pub mod child;
pub mod machine;
pub mod market;
pub mod meter;
pub mod redis_server;
pub mod server;
pub mod servers;

// The commands.
pub mod cli;
pub mod compare;
pub mod fall;
pub mod fleet;
pub mod flood;
pub mod laps;
pub mod progress;
pub mod report;
pub mod rivals;
pub mod stocks;
pub mod url;
pub mod users;
