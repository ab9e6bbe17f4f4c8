//! `select!` waits for the first of several futures, and drops the others.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (answers, answer) = oneshot::channel();
    answers.send("confirmed").expect("the receiver is alive");
    tokio::select! {
        answer = answer => println!("the broker says {answer:?}"),
        () = sleep(Duration::from_secs(60)) => println!("no answer in a minute"),
    }
    println!("the timer is dropped: nothing waits a minute");
}
