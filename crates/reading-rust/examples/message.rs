//! A channel moves a value from one task to another: after `send` the sender does not have it.

use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (prices, mut inbox) = mpsc::channel(64);
    let feed = tokio::spawn(async move {
        for price in ["100.01", "100.02"] {
            prices.send(price).await.expect("main receives");
        }
    });
    while let Some(price) = inbox.recv().await {
        println!("APPL {price}");
    }
    feed.await.expect("the feed only sends");
    println!("all senders are dropped, so the channel is closed");
}
