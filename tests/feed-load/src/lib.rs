//! Measures a stock feed beside the physical limit, a bare loop of `write()`, in the same run on the
//! same machine: without the limit a figure says more about the machine than about the server.
//! `cargo run --release -p feed-load -- compare` prints the table; `users`, `limit` and `fleet`
//! are its parts, up to a million users, and `conflate` holds a pace against none.
//! Read `subscription.rs` first (what becomes of a price), then `worker.rs` (how thousands of users
//! live on one thread), then `bare_loop.rs` (the limit).
#![cfg(target_os = "linux")]

// What the tests share with the program: a scripted server, a worker to command, a process to find.
pub mod assignment;
pub mod counts;
pub mod frame;
pub mod handshake;
pub mod meter;
pub mod protocol;

// Users: one, those of one process, all of them together.
mod message;
mod stamp;
mod stopwatch;
mod subscription;
mod user;
mod worker;
mod worker_pool;
mod worker_process;

// What they are held against, and what it costs.
mod bare_loop;
mod child;
mod latency;
mod machine;
mod publisher;
mod redis_cluster;
mod redis_server;
mod redises;
mod schedule;
mod server;
mod servers;

// What a fleet takes, from what each part costs.
mod costs;
mod measured_runs;
mod model;
mod planned;

// The commands.
mod cli;
mod compare;
mod conflate;
mod failover;
mod fleet;
mod flood;
mod plan;
mod progress;
mod report;
mod rivals;
mod rounds;
mod stocks;
mod stop;
mod url;
mod users;

pub use cli::main;
