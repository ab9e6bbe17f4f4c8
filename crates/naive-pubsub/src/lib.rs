//! This manager is wrong on purpose: it is the lecture's `PubSubManager`, written in Rust with all of
//! its faults, so that each can be seen before it is fixed. Without a manager every user would need a
//! Redis connection; with this one a user can be sent a price twice, a stock can be lost until the
//! server is restarted, and users are not sent that prices are old. `cargo run -p naive-pubsub` shows
//! each fault in a scene and counts them in its last line. Read [`PubSubManager`] first (sixty lines),
//! then `play.rs`, then lesson 12a, where `pubsub-manager` fixes one fault after another.

mod pubsub_manager;

mod play;
mod stage;
mod verdict;

pub mod redis;
pub mod users;

pub use play::Play;
pub use pubsub_manager::{PubSubManager, Subscriptions};
pub use verdict::Verdict;
