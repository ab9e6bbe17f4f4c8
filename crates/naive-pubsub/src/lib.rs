//! This manager is wrong on purpose: it is the lecture's `PubSubManager`, told in Rust with all
//! its faults, so that each can be seen before it is cured. Without a manager every user would
//! need a Redis connection of its own; with this one a user can be sent a price twice, a stock
//! can be lost until the server is restarted, and no user is told. `cargo run -p naive-pubsub` plays
//! every fault as a scene and counts them in its last line. Read [`PubSubManager`] first (sixty
//! lines), then `play.rs`, then lesson 12a, where `pubsub-manager` cures one fault after another.

mod pubsub_manager;

mod play;
mod stage;
mod verdict;

pub mod redis;
pub mod users;

pub use play::Play;
pub use pubsub_manager::{PubSubManager, Subscriptions};
pub use verdict::Verdict;
