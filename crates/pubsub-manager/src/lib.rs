//! One `PubSubManager` per process connects a pub/sub with the users of this server: the first user of
//! a stock subscribes the server to it, the last one unsubscribes it.
//! Without it each file would have subscriptions of its own, users would get a price twice or not at
//! all, and one slow reader would hold up all others.
//! `cargo run -p pubsub-manager` shows it, and needs nothing installed.
//! Read the modules below in their order; the users' side is the crate [`hub`].
//!
//! ```
//! use pubsub_manager::{BrokerAddress, InProcess, Options, PubSubManager, UserId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = InProcess::default();
//! let options = Options { broker: BrokerAddress::InProcess(broker.clone()), ..Options::default() };
//! let manager = PubSubManager::start(options)?;
//! let socket = |bytes: &[u8]| print!("{}", String::from_utf8_lossy(bytes));
//! let user = manager.connect(UserId(1), socket)?; // {"type":"status","feed":"stale"}
//! manager.user_subscribe(&user, "APPL".parse()?)?; // {"type":"subscribed","stock":"APPL"}
//! # while broker.publish("APPL".parse()?, "100.00".parse()?) == 0 { tokio::task::yield_now().await }
//! broker.publish("APPL".parse()?, "100.01".parse()?);
//! manager.disconnect().await; // {"type":"price","stock":"APPL","price":"100.01"}
//! # Ok(())
//! # }
//! ```

mod manager;
mod options;

mod connections;
mod subscriber;

mod last_prices;

mod broker;
#[cfg(feature = "cluster")]
mod cluster;
mod publisher;

#[cfg(test)]
mod tests;

pub use broker::{BrokerError, in_process::InProcess};
pub use hub::{
    BadPace, BadPrice, BadStock, Connection, Disconnected, Encode, Feed, FeedMessage, HubEvent,
    HubOptions, JsonLines, OnEvent, Pace, Price, PriceAges, Socket, Stats, Stock, StockUsers,
    SubscribeError, UserId,
};
pub use manager::PubSubManager;
pub use options::{BrokerAddress, NotStarted, Options, StartError};
pub use publisher::Publisher;
#[cfg(feature = "cluster")]
pub use redis_client::RedisCluster;
#[cfg(feature = "redis")]
pub use redis_client::{BadRedisUrl, RedisAddress, RedisUrl};
