//! One `PubSubManager` per process stands between a pub/sub and the users of this server: the
//! first user of a stock subscribes the server, the last one to leave unsubscribes it.
//! Without it every file would own subscriptions of its own, users would be told twice or never,
//! and one slow reader would hold up all others.
//! `cargo run -p pubsub-manager` shows it at once, without anything installed.
//! Read `manager.rs` next, then `reconciler.rs`, `broker.rs` and its two twins.

// The four verbs, and how what is wanted becomes what is subscribed.
mod manager;
mod reconciler;

// Where prices come from.
mod broker;
mod publisher;

// The task between the two.
mod garbage;
mod health;
mod keeper;
mod supervisor;

// The way of a price to its users.
mod channel;
mod channels;
mod connection;
mod frames;
mod relay;
mod roster;
mod shared;
mod user;

// The words.
mod error;
mod event;
mod latch;
mod message;
mod options;
mod outlet;
mod price;
mod stats;
mod stock;
mod text;

#[cfg(test)]
mod tests;

pub use broker::in_process::InProcess;
#[cfg(feature = "redis")]
pub use broker::redis::url::{BadRedisUrl, RedisUrl};
pub use connection::Connection;
pub use error::{Disconnected, NotStarted, PublishError, StartError, SubscribeError};
pub use event::{Event, Listener, Logged};
pub use manager::PubSubManager;
pub use message::{Encode, Feed, JsonLines, Message};
pub use options::{BrokerAddress, Options};
pub use outlet::Outlet;
pub use price::{BadPrice, Price};
pub use publisher::Publisher;
pub use stats::{Stats, StockUsers};
pub use stock::{BadStock, Stock};
pub use user::UserId;
