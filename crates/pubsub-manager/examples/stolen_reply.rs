//! The redis crate takes a push for the answer to a command: `cargo run -p pubsub-manager --example
//! stolen_reply`. It starts a cluster itself; redis-server has to be installed.
//!
//! When a slot is moved, its former master sends `sunsubscribe` to every client that is subscribed. Nobody has
//! asked for that push, and the crate (1.8.1) cannot tell it from the answer to an SUNSUBSCRIBE: it
//! ends the oldest command that waits. From then on every answer goes to the command after its own, until the
//! connection is idle. That is why `cluster/master.rs` believes no answer, only what the pushes say.
#![allow(
    clippy::unwrap_used,
    reason = "a demonstration may panic with what went wrong"
)]

use harness::RedisCluster;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, Value,
    aio::MultiplexedConnection, cmd,
};
use std::{convert::Infallible, time::Duration};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> redis::RedisResult<()> {
    let Some(cluster) = RedisCluster::start() else {
        return Ok(());
    };
    let channel = "prices.{APPL}";
    let here = cluster.master_of(channel);
    let there = (here + 1) % 3;
    let mut connection = connect(&cluster.node(here).url()).await?;
    let _: Value = cmd("SSUBSCRIBE")
        .arg(channel)
        .query_async(&mut connection)
        .await?;

    let mut waiting = connection.clone();
    let wait = tokio::spawn(async move {
        // Answered with 0 after a second and a half: there are no nine replicas.
        let mut wait = cmd("WAIT");
        wait.arg(9)
            .arg(1_500)
            .query_async::<Value>(&mut waiting)
            .await
    });
    sleep(Duration::from_millis(300)).await;
    println!("WAIT 9 1500 is on its way; the slot of {channel} is moved to another master");
    let slot: u16 = cluster.node(here).run(&["CLUSTER", "KEYSLOT", channel]);
    let target: String = cluster.node(there).run(&["CLUSTER", "MYID"]);
    for node in [there, here] {
        let slot = slot.to_string();
        cluster
            .node(node)
            .run::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
    }
    println!("WAIT    -> {:?}", wait.await.unwrap());
    for word in ["1", "2"] {
        let echo = cmd("ECHO")
            .arg(word)
            .query_async::<Value>(&mut connection)
            .await;
        println!("ECHO {word}  -> {echo:?}");
    }
    sleep(Duration::from_millis(300)).await;
    let echo = cmd("ECHO")
        .arg("3")
        .query_async::<Value>(&mut connection)
        .await;
    println!("ECHO 3  -> {echo:?}, after a pause");
    Ok(())
}

async fn connect(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    let info = url.into_connection_info()?;
    let redis = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_push_sender(|push: PushInfo| {
            println!("  push: {} {:?}", push.kind, push.data);
            Ok::<(), Infallible>(())
        });
    let client = Client::open(info.set_redis_settings(redis))?;
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}
