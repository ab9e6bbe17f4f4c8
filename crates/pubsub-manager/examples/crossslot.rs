//! After a lost connection the redis crate's cluster client subscribes to nothing again: `cargo run -p
//! pubsub-manager --features cluster-async --example crossslot`. It starts a cluster itself; redis-server has
//! to be installed.
//!
//! The client (1.8.1) remembers its shard channels, and sends one SSUBSCRIBE with all those of a node when the
//! connection to it was lost. Redis refuses channels of different slots in one command, and nobody receives that
//! error. That is why the manager has one subscriber for each slot, and one command for each channel.
#![allow(
    clippy::unwrap_used,
    reason = "a demonstration may panic with what went wrong"
)]

use harness::RedisCluster;
use redis::{ProtocolVersion, PushInfo, PushKind, Value, cluster::ClusterClientBuilder, cmd};
use std::{collections::BTreeSet, convert::Infallible, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

const CHANNELS: usize = 60;
/// Far more than the client needs to connect again.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> redis::RedisResult<()> {
    let Some(cluster) = RedisCluster::start() else {
        return Ok(());
    };
    let (lost, mut losses) = mpsc::unbounded_channel();
    let client = ClusterClientBuilder::new([cluster.node(0).url()])
        .use_protocol(ProtocolVersion::RESP3)
        .push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                let _ = lost.send(());
            }
            Ok::<(), Infallible>(())
        })
        .build()?;
    let mut subscriber = client.get_async_connection().await?;
    let channels: Vec<String> = (0..CHANNELS).map(|number| format!("S{number}")).collect();
    let all: BTreeSet<String> = channels.iter().cloned().collect();
    let held = || cluster.shard_numsub(&all).len();
    let refused = subscriber.ssubscribe(&channels[..2]).await.unwrap_err();
    println!("two channels in one command: {refused}");
    for channel in &channels {
        subscriber.ssubscribe(channel).await?;
    }
    println!("one by one: {} of {CHANNELS} are subscribed", held());

    let node = cluster.node(cluster.master_of(&channels[0]));
    node.run::<()>(&["CONFIG", "RESETSTAT"]);
    node.run::<()>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    losses.recv().await.unwrap();
    println!("the connection to one master is killed");
    // The client connects again when it has something to send there.
    let until = Instant::now() + DEADLINE;
    while refusals(&node.run::<String>(&["INFO", "commandstats"])) == 0 {
        assert!(
            Instant::now() < until,
            "the client subscribes to nothing again"
        );
        let mut get = cmd("GET");
        let _ = get
            .arg(&channels[0])
            .query_async::<Value>(&mut subscriber)
            .await;
        sleep(Duration::from_millis(10)).await;
    }
    println!("the master has refused an SSUBSCRIBE, and the client has reported nothing");
    println!("then: {} of {CHANNELS} are subscribed", held());
    Ok(())
}

/// How many SSUBSCRIBE a node has refused since its statistics were reset.
fn refusals(stats: &str) -> usize {
    let line = stats
        .lines()
        .find(|line| line.starts_with("cmdstat_ssubscribe:"));
    let refused = line.and_then(|line| line.split("rejected_calls=").nth(1)?.split(',').next());
    refused.map_or(0, |refused| refused.parse().unwrap())
}
