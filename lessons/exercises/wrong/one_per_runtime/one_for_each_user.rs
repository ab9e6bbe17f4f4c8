// refused by: all_users_of_a_runtime_share_one_connection

use tokio::sync::{mpsc, oneshot};

type Ping = oneshot::Sender<&'static str>;

#[derive(Clone)]
pub struct Connection(mpsc::Sender<Ping>);

impl Connection {
    /// Its socket is in a task, which belongs to the runtime that spawns it.
    fn open() -> Self {
        let (connection, mut pings) = mpsc::channel::<Ping>(16);
        tokio::spawn(async move {
            while let Some(answer) = pings.recv().await {
                let _ = answer.send("PONG");
            }
        });
        Connection(connection)
    }

    pub async fn ping(&self) -> Result<&'static str, &'static str> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send(answer).await;
        sent.map_err(|_| "the connection's task is gone")?;
        answered
            .await
            .map_err(|_| "the task ended without an answer")
    }
}

/// The connection of the runtime that the caller runs in.
pub fn connection() -> Connection {
    Connection::open()
}

fn main() {
    for name in ["first", "second"] {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime starts");
        println!(
            "{name}: {:?}",
            runtime.block_on(async { connection().ping().await })
        );
    }
}
