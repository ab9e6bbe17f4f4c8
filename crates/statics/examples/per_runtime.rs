//! One per runtime: a connection in a static ends with the runtime in which it was opened.

use tokio::runtime::Builder;
use tokio::sync::{OnceCell, mpsc, oneshot};

type Ping = oneshot::Sender<&'static str>;

static CONNECTION: OnceCell<mpsc::Sender<Ping>> = OnceCell::const_new();

/// The connection's socket is in a task, as in hyper and in the redis crate. The task belongs to the runtime
/// that spawns it.
async fn connect() -> mpsc::Sender<Ping> {
    let (connection, mut pings) = mpsc::channel::<Ping>(16);
    tokio::spawn(async move {
        while let Some(answer) = pings.recv().await {
            // Who asked may have left.
            let _ = answer.send("PONG");
        }
    });
    connection
}

async fn ping() -> Result<&'static str, &'static str> {
    let connection = CONNECTION.get_or_init(connect).await;
    let (answer, answered) = oneshot::channel();
    let sent = connection.send(answer).await;
    sent.map_err(|_| "the connection's task is gone")?;
    answered.await.map_err(|_| "no answer")
}

fn main() {
    for name in ["first", "second"] {
        let runtime = Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime starts");
        println!("{name} runtime: {:?}", runtime.block_on(ping()));
    }
}

// `#[tokio::test]` starts a runtime for each test.
#[cfg(test)]
mod tests {
    use super::ping;

    #[tokio::test]
    async fn asha_gets_an_answer() {
        assert_eq!(ping().await, Ok("PONG"));
    }

    #[tokio::test]
    async fn bo_gets_an_answer() {
        assert_eq!(ping().await, Ok("PONG"));
    }
}
