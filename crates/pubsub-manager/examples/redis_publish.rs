//! The lecture's second terminal: publishes one price, and prints how many servers received it.
//! `cargo run -p pubsub-manager --example redis_publish APPL 100.01`, with a Redis on this machine.

use redis::{AsyncCommands, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let stock = arguments.next().unwrap_or_else(|| "APPL".into());
    let price = arguments.next().unwrap_or_else(|| "100.01".into());
    let client = Client::open("redis://127.0.0.1:6379")?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    let receivers: u64 = redis.publish(&stock, &price).await?;
    println!("{stock} {price}: received by {receivers}");
    Ok(())
}
