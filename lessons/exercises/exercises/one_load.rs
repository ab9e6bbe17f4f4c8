// 25 minutes. Lesson: lessons/02-memory-cache.md
// fails with: a_load_goes_on_when_its_user_leaves
//
// Users who ask for a game while it is being loaded wait for that one load. But
// the load runs inside the future of the user who asked first. When that user
// disconnects, the future is dropped and the load ends, so the next user starts
// another one. A load that has started must finish, even if all its users leave.
// Only a load that failed may be repeated.
//
// TODO: give the load a task of its own, and let users wait for the task.

use tokio::sync::OnceCell;

#[derive(Default)]
pub struct Cached {
    game: OnceCell<String>,
}

impl Cached {
    /// The game. `load` begins to load it when it is awaited.
    pub async fn get(
        &self,
        load: impl Future<Output = Result<String, String>> + Send + 'static,
    ) -> Result<String, String> {
        self.game.get_or_try_init(|| load).await.cloned()
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime starts").block_on(async {
        let cached = Cached::default();
        println!(
            "{:?}",
            cached.get(async { Err("no database".into()) }).await
        );
        println!("{:?}", cached.get(async { Ok("e2e4 e7e5".into()) }).await);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;
    use tokio::task::{JoinHandle, yield_now};

    type Answer = Result<String, String>;

    #[derive(Default)]
    struct Scene {
        cached: Arc<Cached>,
        loads: Arc<AtomicUsize>,
    }

    impl Scene {
        // A user who asks for the game, and what the database would answer.
        fn user(
            &self,
            answer: impl Future<Output = Answer> + Send + 'static,
        ) -> JoinHandle<Answer> {
            let (cached, loads) = (Arc::clone(&self.cached), Arc::clone(&self.loads));
            let load = async move {
                loads.fetch_add(1, Ordering::SeqCst);
                answer.await
            };
            tokio::spawn(async move { cached.get(load).await })
        }

        // A user who waits for the database until the sender is used.
        fn slow_user(&self) -> (oneshot::Sender<Answer>, JoinHandle<Answer>) {
            let (database, answer) = oneshot::channel();
            let user = self.user(async { answer.await.expect("the database answers") });
            (database, user)
        }

        fn loads(&self) -> usize {
            self.loads.load(Ordering::SeqCst)
        }
    }

    async fn answer(user: JoinHandle<Answer>) -> Answer {
        settle().await;
        assert!(user.is_finished(), "the user still waits");
        user.await.expect("the user gets an answer")
    }

    fn stored(game: &str) -> Answer {
        Ok(game.to_string())
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime starts").block_on(test);
    }

    // All tasks share one thread, so after this each of them has done what it can.
    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    #[test]
    fn a_load_goes_on_when_its_user_leaves() {
        run(async {
            let scene = Scene::default();
            let (database, first) = scene.slow_user();
            settle().await;
            let second = scene.user(ready(stored("a second load")));
            settle().await;
            for leaving in [first, second] {
                leaving.abort();
                settle().await;
            }
            let third = scene.user(ready(stored("a third load")));
            settle().await;
            assert_eq!(scene.loads(), 1, "another load was begun");
            let sent = database.send(stored("e2e4"));
            sent.expect("the load goes on");
            assert_eq!(answer(third).await, stored("e2e4"));
        });
    }

    #[test]
    fn a_hundred_users_wait_for_one_load() {
        run(async {
            for game in ["e2e4", "d2d4"] {
                let scene = Scene::default();
                let (database, first) = scene.slow_user();
                settle().await;
                let other = |_| scene.user(ready(stored("another load")));
                let others: Vec<_> = (0..99).map(other).collect();
                settle().await;
                database.send(stored(game)).expect("the load goes on");
                for user in [first].into_iter().chain(others) {
                    assert_eq!(answer(user).await, stored(game));
                }
                let later = scene.user(ready(stored("a later load")));
                assert_eq!(answer(later).await, stored(game));
                assert_eq!(scene.loads(), 1, "more than one user loaded");
            }
        });
    }

    #[test]
    fn a_load_that_failed_is_tried_again() {
        run(async {
            let scene = Scene::default();
            for failures in 1..=3 {
                let failed = Err(format!("failure {failures}"));
                assert_eq!(answer(scene.user(ready(failed.clone()))).await, failed);
                assert_eq!(scene.loads(), failures);
            }
            assert_eq!(
                answer(scene.user(ready(stored("e2e4")))).await,
                stored("e2e4")
            );
            assert_eq!(
                answer(scene.user(ready(stored("d2d4")))).await,
                stored("e2e4")
            );
            assert_eq!(scene.loads(), 4, "the game is kept");
        });
    }
}
