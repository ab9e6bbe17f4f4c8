//! Tests that need more than one manager, and therefore live inside the crate.

mod eventually;
#[cfg(feature = "cluster")]
mod server_on_cluster;
#[cfg(feature = "redis")]
mod server_on_redis;
mod test_broker;
#[path = "../../hub/tests/support/test_client.rs"]
#[allow(dead_code, reason = "the hub's own tests use the rest of it")]
mod test_client;

#[cfg(feature = "cluster")]
mod cluster_faults;
#[cfg(feature = "cluster")]
mod cluster_last_prices;
mod delivery;
mod hammer;
mod last_prices;
mod lecture_faults;
#[cfg(feature = "redis")]
mod probes;
#[cfg(feature = "redis")]
mod redis_failover;
#[cfg(feature = "redis")]
mod redis_faults;
#[cfg(feature = "redis")]
mod redis_last_prices;
#[cfg(feature = "redis")]
mod redis_story;
mod refusals;
mod same_story;
mod state_machine;
#[cfg(feature = "cluster")]
mod state_machine_on_redis;
