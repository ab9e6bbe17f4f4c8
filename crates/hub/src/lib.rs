//! The users of one server: what they follow, how far each of them is, and what each is sent.
//! Without it one slow reader would hold up all others, and a price would be encoded once a user.
//! It knows no broker: the crate `pubsub-manager` tells it what a broker said, and asks it which
//! channels are wanted; `cargo run -p pubsub-manager` shows both at work.
//! Read `hub.rs` next, then `user.rs`, `user/catch_up.rs`, and `fan_out.rs`.

// The users and what they follow.
mod channel;
mod channels;
mod connection;
mod hub;
mod subscribers;
mod user;

// A price's way to its users.
mod fan_out;
mod frames;
mod pending;

// The vocabulary.
mod error;
mod event;
mod message;
mod price;
mod socket;
mod stats;
mod stock;

pub use connection::Connection;
pub use error::{Disconnected, SubscribeError};
pub use event::{Event, Listener};
pub use hub::{Hub, Settings};
pub use message::{Encode, Feed, JsonLines, Message};
pub use price::{BadPrice, Price};
pub use socket::Socket;
pub use stats::{Stats, StockUsers};
pub use stock::{BadStock, Stock};
pub use user::UserId;
