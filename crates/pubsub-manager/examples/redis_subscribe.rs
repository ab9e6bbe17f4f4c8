//! The lecture's first terminal: subscribes to a stock's channel, and prints each price.
//! `cargo run -p pubsub-manager --example redis_subscribe APPL`, with a Redis on this machine.

use redis::{AsyncConnectionConfig, Client, PushInfo, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let stock = std::env::args().nth(1).unwrap_or_else(|| "APPL".into());
    let (sender, mut pushes) = tokio::sync::mpsc::channel::<PushInfo>(100);
    let config = AsyncConnectionConfig::new().set_push_sender(move |push| sender.try_send(push));
    let client = Client::open("redis://127.0.0.1:6379?protocol=resp3")?;
    let mut redis = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    redis.subscribe(&stock).await?;
    while let Some(push) = pushes.recv().await {
        if let [Value::BulkString(channel), Value::BulkString(price)] = &push.data[..] {
            println!("{}: {}", channel.escape_ascii(), price.escape_ascii());
        }
    }
    Ok(())
}
