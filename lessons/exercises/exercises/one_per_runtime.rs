// 25 minutes. Lesson: lessons/07b-one-per-what.md
// fails with: the_second_runtime_gets_an_answer, a_runtime_that_does_not_run_holds_up_no_other
//
// Every user sends pings over one connection in a static. Its task belongs to the
// runtime in which the first user asked. In another runtime, as in the next
// `#[tokio::test]`, a ping gets an error when the first runtime has ended, and no
// answer at all while the first runtime does not run.
//
// TODO: keep one connection for each runtime. `Handle::current()` is the runtime that
// the caller runs in.

use std::sync::OnceLock;
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

static CONNECTION: OnceLock<Connection> = OnceLock::new();

/// The connection of the runtime that the caller runs in.
pub fn connection() -> Connection {
    CONNECTION.get_or_init(Connection::open).clone()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::yield_now;

    // The tests share the statics, so they run one after the other.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runtime() -> Runtime {
        let runtime = Builder::new_current_thread().build();
        runtime.expect("a runtime starts")
    }

    // All tasks of a runtime share one thread, so after this each of them has done what it can.
    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    async fn pinged() -> Result<&'static str, &'static str> {
        let ping = tokio::spawn(async { connection().ping().await });
        settle().await;
        assert!(ping.is_finished(), "no answer: its runtime does not run");
        ping.await.expect("it only pings")
    }

    #[test]
    fn the_second_runtime_gets_an_answer() {
        let _alone = alone();
        for _ in 0..3 {
            // It ends here, and its tasks with it.
            assert_eq!(runtime().block_on(pinged()), Ok("PONG"));
        }
    }

    #[test]
    fn a_runtime_that_does_not_run_holds_up_no_other() {
        let _alone = alone();
        let [first, second] = [runtime(), runtime()];
        assert_eq!(first.block_on(pinged()), Ok("PONG"));
        // The first one has not ended. Its tasks wait until somebody runs it again.
        assert_eq!(second.block_on(pinged()), Ok("PONG"));
        assert_eq!(first.block_on(pinged()), Ok("PONG"));
    }

    #[test]
    fn all_users_of_a_runtime_share_one_connection() {
        let _alone = alone();
        let [first, second] = [runtime(), runtime()];
        let of_the_first = first.block_on(async { connection() });
        let _of_the_second = second.block_on(async { connection() });
        for _ in 0..10 {
            let user = first.spawn(async { connection() });
            let user = first.block_on(user).expect("it only asks");
            assert!(user.0.same_channel(&of_the_first.0), "a second one");
        }
    }
}
