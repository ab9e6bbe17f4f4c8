//! Fifty servers that share one cache: who asks the database when a copy ends.
//!
//! A server alone lets one of its readers load and the others wait, as [`Cached`](crate::cached::Cached)
//! does. But each server has a reader who loads, so a fleet of fifty asks fifty times in the same moment.
//! `cargo run -p memory-cache --example fleet` counts the loads of three plans. Read
//! [`server`](FleetServer) first, then [`CommonCache`], which is in this process or in a Redis.

mod common_cache;
mod database;
mod server;
mod story;

pub use common_cache::in_a_redis::InRedis;
pub use common_cache::in_process::InProcess;
pub use common_cache::{Answer, Away, CommonCache, Kept};
pub use database::{Database, LoadFailed};
pub use server::{FleetServer, Plan, Settings};
pub use story::Story;
