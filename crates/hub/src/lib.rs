//! The users of one server: what each is subscribed to, which price it was sent last, and what it is
//! sent next.
//! Without it one slow reader would hold up all others, and a price would be encoded for each user.
//! It has no broker: the crate `pubsub-manager` reports what the broker confirmed, refused and
//! published, and reads which channels are wanted; `cargo run -p pubsub-manager` shows both.
//! Read `hub.rs` next, then `fan_out.rs`, `pacing.rs`, `user.rs` and `user/catch_up.rs`. Each
//! module below imports from those under it only: `user.rs` does not import the hub.

// What users and a manager call.
mod hub;

mod connection;

// A price's way to its users.
mod fan_out;
mod pacing;
mod pending;
mod turns;

// Who is connected and subscribed.
mod registry;

mod channels;
mod dirty;

// One user, and how it is written to.
mod user;

mod channel;
mod delivery;
mod frames;
mod subscribers;

// The vocabulary.
mod error;
mod event;
mod message;
mod options;
mod pace;
mod price;
mod price_ages;
mod socket;
mod stats;
mod stock;
mod user_id;

pub use connection::Connection;
pub use dirty::Dirty;
pub use error::{Disconnected, SubscribeError};
pub use event::{HubEvent, OnEvent};
pub use hub::Hub;
pub use message::{Encode, Feed, FeedMessage, JsonLines};
pub use options::HubOptions;
pub use pace::{BadPace, Pace};
pub use price::{BadPrice, Price};
pub use price_ages::PriceAges;
pub use socket::Socket;
pub use stats::{Stats, StockUsers};
pub use stock::{BadStock, Stock};
pub use user_id::UserId;
