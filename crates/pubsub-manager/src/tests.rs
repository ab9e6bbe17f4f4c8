//! Tests that need more than one manager, and therefore live inside the crate.

mod ear;
mod eventually;
mod far_broker;
#[cfg(feature = "redis")]
#[path = "../tests/support/redis_server.rs"]
mod redis_server;

mod delivery;
mod hammer;
mod lecture_faults;
#[cfg(feature = "redis")]
mod redis_failover;
#[cfg(feature = "redis")]
mod redis_faults;
mod refusals;
mod same_story;
mod state_machine;
