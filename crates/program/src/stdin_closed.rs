//! The end of standard input, by which a child process learns that its parent has ended.

use std::io::{self, Read};
use std::thread;

use tokio::sync::oneshot;

/// Ready when standard input ends, which happens at the latest when the program that holds its other end
/// does.
///
/// A thread of its own reads it. The runtime waits for its own threads when it shuts down, and a read
/// cannot be cancelled: a server that received SIGTERM would stay until its input ended as well.
pub async fn stdin_closed() {
    let (close, closed) = oneshot::channel();
    thread::spawn(move || {
        let mut ignored = [0; 64];
        while let Ok(1..) = io::stdin().read(&mut ignored) {}
        let _ = close.send(());
    });
    let _ = closed.await;
}
