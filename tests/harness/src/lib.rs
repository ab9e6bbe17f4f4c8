//! The real parts that the tests of this workspace start: each is a program of its own, on a port
//! that was free, and ends with the value that stands for it, also when the test panics.
//!
//! If a part is not installed, the test is skipped: that is reported on the real stderr, because
//! libtest hides what a passing test prints. With the variable `CI` set, a missing part is a failure.
//!
//! Each part is behind a feature, so that a package builds only what its tests start:
//!
//! ```toml
//! [dev-dependencies]
//! harness = { workspace = true, features = ["redis"] }
//! ```
//!
//! | part | feature |
//! |---|---|
//! | `Process`, `program_of_this_build`, `signal`, `until`, `is_installed`, `skip`, `terminated_as_process_1`, `has_its_handlers` | always there, without any dependency |
//! | `eventually`, which awaits between two looks | `async` |
//! | `RedisServer` | `redis` |
//! | `RedisCluster` | `redis-cluster` |
//! | `Postgres` | `postgres` |
//! | `PgBouncer` | `pgbouncer` |
//! | `Proxy`: nginx or HAProxy | `proxy` |
//! | `Driver` and `Window`: Chromium | `browser` |
//!
//! # A process
//!
//! ```no_run
//! # use harness::Process;
//! # use std::process::Command;
//! // In a test: Command::new(env!("CARGO_BIN_EXE_stock-feed")).
//! let mut server = Process::start(Command::new("stock-feed").args(["--listen", "127.0.0.1:0"]));
//! server.until_output("stock-feed: http://");
//! server.signal("TERM");
//! assert_eq!(server.wait().code(), Some(0));
//! ```
#![cfg_attr(
    feature = "redis",
    doc = r#"
# A Redis

```no_run
# use harness::RedisServer;
let Some(mut redis) = RedisServer::start() else {
    return; // It is not installed, and that has been reported.
};
assert_eq!(redis.publish("APPL", "100.1"), 0);
let frozen = redis.freeze();
// Here its connections stay open, and it does not answer.
drop(frozen);
redis.kill_9();
redis.restart(); // On the same port.
```
"#
)]
#![cfg_attr(
    feature = "redis-cluster",
    doc = r#"
# A Redis Cluster

```no_run
# use harness::RedisCluster;
// Other tests have it before and after this one; a start takes more than two seconds.
let Some(mut cluster) = RedisCluster::shared() else { return };
let master = cluster.master_of("APPL");
cluster.kill_9(master); // A replica replaces it some three seconds later.
cluster.repair();
```
"#
)]
#![cfg_attr(
    all(unix, feature = "postgres"),
    doc = r#"
# A Postgres

```no_run
# use harness::Postgres;
// One server for all tests of a process. A test that stops or freezes it starts its own: `start`.
let Some(postgres) = Postgres::shared() else { return };
let url = postgres.url(&postgres.create_database());
# drop(url);
```
"#
)]
#![cfg_attr(
    all(unix, feature = "pgbouncer"),
    doc = r#"
# A pgbouncer

```no_run
# use harness::{PgBouncer, Postgres};
let Some(postgres) = Postgres::shared() else { return };
let Some(bouncer) = PgBouncer::start(&postgres, "transaction") else { return };
let url = bouncer.url(&postgres.create_database());
# drop(url);
```
"#
)]
#![cfg_attr(
    all(unix, feature = "proxy"),
    doc = r#"
# nginx and HAProxy

```no_run
# use harness::{Proxy, ProxyProgram};
let nginx = Proxy::start(ProxyProgram::Nginx, |listen| {
    format!("server {{ listen {listen}; location / {{ proxy_pass http://127.0.0.1:3000; }} }}")
});
let Some(nginx) = nginx else { return };
println!("http://{}/", nginx.address());
```
"#
)]
#![cfg_attr(
    all(unix, feature = "browser"),
    doc = r##"
# A browser

```no_run
# use harness::Driver;
# #[tokio::main(flavor = "current_thread")]
# async fn main() {
let Some(driver) = Driver::start() else { return };
let page = driver.open(1280, "http://127.0.0.1:3000/#APPL").await;
page.until_says("status", "live").await;
page.complains_of_nothing();
# }
```
"##
)]
#![allow(
    clippy::unwrap_used,
    reason = "this crate is a part of tests, and a test may panic"
)]

#[cfg(feature = "redis-cluster")]
mod bus_proxy;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod handlers;
mod port;
mod process;
mod skip;
mod wait;

#[cfg(all(unix, feature = "browser"))]
mod browser;
#[cfg(all(unix, feature = "pgbouncer"))]
mod pgbouncer;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
#[cfg(all(unix, feature = "proxy"))]
mod proxy;
#[cfg(feature = "redis-cluster")]
mod redis_cluster;
#[cfg(feature = "redis")]
mod redis_server;

#[cfg(all(unix, feature = "browser"))]
pub use browser::{Driver, Window};
#[cfg(target_os = "linux")]
pub use container::terminated_as_process_1;
/// Keys and locators, for what [`Window`] has no word for.
#[cfg(all(unix, feature = "browser"))]
pub use fantoccini;
#[cfg(target_os = "linux")]
pub use handlers::has_its_handlers;
#[cfg(all(unix, feature = "pgbouncer"))]
pub use pgbouncer::PgBouncer;
pub use port::free_port;
#[cfg(all(unix, feature = "postgres"))]
pub use postgres::{FrozenPostgres, Postgres};
#[cfg(target_os = "linux")]
pub use process::memory_of;
pub use process::{Process, program_of_this_build, signal};
#[cfg(all(unix, feature = "proxy"))]
pub use proxy::{Proxy, ProxyProgram};
#[cfg(feature = "redis-cluster")]
pub use redis_cluster::{RedisCluster, SharedCluster};
#[cfg(feature = "redis")]
pub use redis_server::{FrozenRedis, RedisServer};
pub use skip::{is_installed, skip};
#[cfg(feature = "async")]
pub use wait::eventually;
pub use wait::{TIMEOUT, until};
