//! What the lecture does with `redis-cli PUBLISH`:
//! `cargo run -p pubsub-manager --example publish APPL 100.1`, while `subscribe` runs.

use clap::Parser;
use pubsub_manager::{BrokerAddress, Price, Publisher, RedisUrl, Stock};

/// Publish one price to a Redis, and say how many servers heard it.
#[derive(Parser)]
struct Args {
    /// The stock, for instance APPL.
    stock: Stock,
    /// Its price, for instance 100.1.
    price: Price,
    /// Where the Redis is.
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379"
    )]
    redis: RedisUrl,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Args {
        stock,
        price,
        redis,
    } = Args::parse();
    let publisher = Publisher::new(&BrokerAddress::Redis(redis), "");
    match publisher.publish(stock, price).await? {
        0 => println!("nobody follows {stock}: the price is gone, a channel keeps nothing"),
        1 => println!("one server heard that {stock} is at {price}"),
        servers => println!("{servers} servers heard that {stock} is at {price}"),
    }
    Ok(())
}
