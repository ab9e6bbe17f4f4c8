//! An `async fn` returns a future, and a future does nothing until it is awaited.

async fn subscribe(stock: &str) -> usize {
    println!("SUBSCRIBE {stock}");
    1
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = subscribe("APPL");
    println!("a future is made");
    println!("subscribed to {}", asked.await);
}
