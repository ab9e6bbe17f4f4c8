//! A task may live longer than the function that spawned it, so it has to own what it uses.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let stocks = Arc::new(["APPL", "GOOG"]);
    let for_task = Arc::clone(&stocks);
    let task = tokio::spawn(async move { for_task.len() });
    println!("the task counts {:?}", task.await);
    println!("main still has {stocks:?}");
}
