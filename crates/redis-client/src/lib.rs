//! What every program here that speaks to a Redis needs besides the `redis` crate: an address that
//! does not show its password, and a publisher whose connection is made again when it was lost.
//! Without it each crate would parse, connect and hide passwords in its own way.
//! `cargo run -p pubsub-manager -- --redis redis://127.0.0.1:6379` uses both.

#[cfg(feature = "cluster")]
mod cluster;
mod last_price;
mod publisher;
mod redis_address;
mod redis_flag;
mod redis_url;
mod refusal;
mod transaction;

#[cfg(feature = "cluster")]
pub use cluster::{ClusterPublisher, NodeAddress, RedisCluster, Topology, slot_of};
pub use last_price::last_price_key;
pub use publisher::{Published, RedisPublisher};
pub use redis_address::RedisAddress;
pub use redis_flag::RedisFlag;
pub use redis_url::{BadRedisUrl, RedisUrl};
pub use refusal::in_words;
#[cfg(feature = "cluster")]
pub use refusal::is_redirected;
