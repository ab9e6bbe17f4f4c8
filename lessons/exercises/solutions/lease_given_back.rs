// 25 minutes. Lesson: lessons/02b-one-cache-many-servers.md
// fails with: a_load_that_fails_gives_the_lease_back, a_reader_who_disconnects_gives_the_lease_back
//
// All servers of a fleet share one cache. A server that finds no copy there asks for
// the lease: only the server that has it may load, and the others wait until it is
// given back. But a server whose load fails keeps the lease, and so does a server
// whose reader disconnects, because its future is dropped in the middle of the load.
// Then all others wait for a server that does nothing.

use std::sync::Mutex;
use tokio::sync::Notify;

/// The cache that all servers share.
#[derive(Default)]
pub struct SharedCache {
    inner: Mutex<Inner>,
    given_back: Notify,
}

#[derive(Default)]
struct Inner {
    copy: Option<String>,
    is_leased: bool,
}

/// Gives the lease back when it is dropped: at a return, at a `?`, and with the future.
struct Lease<'a>(&'a SharedCache);

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.0.give_lease_back();
    }
}

impl SharedCache {
    /// The game: a copy, or what `load` returns for the one server that has the lease.
    pub async fn get(
        &self,
        load: impl Future<Output = Result<String, String>>,
    ) -> Result<String, String> {
        while !self.take_lease() {
            self.until_given_back().await;
            if let Some(copy) = self.copy() {
                return Ok(copy);
            }
        }
        let _lease = Lease(self);
        let loaded = load.await?;
        self.keep(&loaded);
        Ok(loaded)
    }

    fn copy(&self) -> Option<String> {
        self.inner.lock().unwrap().copy.clone()
    }

    fn keep(&self, copy: &str) {
        self.inner.lock().unwrap().copy = Some(copy.to_string());
    }

    fn take_lease(&self) -> bool {
        let mut inner = self.inner.lock().unwrap();
        let is_free = inner.copy.is_none() && !inner.is_leased;
        inner.is_leased |= is_free;
        is_free
    }

    fn give_lease_back(&self) {
        self.inner.lock().unwrap().is_leased = false;
        self.given_back.notify_waiters();
    }

    async fn until_given_back(&self) {
        let given_back = self.given_back.notified();
        let is_leased = self.inner.lock().unwrap().is_leased;
        if is_leased {
            given_back.await;
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime starts").block_on(async {
        let cache = SharedCache::default();
        println!("{:?}", cache.get(async { Ok("e2e4 e7e5".into()) }).await);
        println!("{:?}", cache.get(async { Ok("another load".into()) }).await);
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
    struct Fleet {
        cache: Arc<SharedCache>,
        loads: Arc<AtomicUsize>,
    }

    impl Fleet {
        // A server that reads the game, and what the database would answer.
        fn server(
            &self,
            answer: impl Future<Output = Answer> + Send + 'static,
        ) -> JoinHandle<Answer> {
            let (cache, loads) = (Arc::clone(&self.cache), Arc::clone(&self.loads));
            let load = async move {
                loads.fetch_add(1, Ordering::SeqCst);
                answer.await
            };
            tokio::spawn(async move { cache.get(load).await })
        }

        // A server that waits for the database until the sender is used.
        fn slow_server(&self) -> (oneshot::Sender<Answer>, JoinHandle<Answer>) {
            let (database, answer) = oneshot::channel();
            let server = self.server(async { answer.await.expect("the database answers") });
            (database, server)
        }

        fn loads(&self) -> usize {
            self.loads.load(Ordering::SeqCst)
        }
    }

    async fn answer(server: JoinHandle<Answer>) -> Answer {
        settle().await;
        assert!(server.is_finished(), "the server still waits");
        server.await.expect("the server gets an answer")
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
    fn fifty_servers_load_once() {
        run(async {
            let fleet = Fleet::default();
            let (database, first) = fleet.slow_server();
            settle().await;
            let other = |_| fleet.server(ready(stored("another load")));
            let others: Vec<_> = (0..49).map(other).collect();
            settle().await;
            assert_eq!(fleet.loads(), 1, "a server without the lease loaded");
            database.send(stored("e2e4")).expect("the load goes on");
            for server in [first].into_iter().chain(others) {
                assert_eq!(answer(server).await, stored("e2e4"));
            }
            let later = fleet.server(ready(stored("a later load")));
            assert_eq!(answer(later).await, stored("e2e4"));
            assert_eq!(fleet.loads(), 1);
        });
    }

    #[test]
    fn a_load_that_fails_gives_the_lease_back() {
        run(async {
            let fleet = Fleet::default();
            let (database, first) = fleet.slow_server();
            settle().await;
            let second = fleet.server(ready(stored("e2e4")));
            settle().await;
            assert_eq!(fleet.loads(), 1);
            let failed = Err("no database".to_string());
            database.send(failed.clone()).expect("the load goes on");
            assert_eq!(answer(first).await, failed, "its own failure");
            assert_eq!(answer(second).await, stored("e2e4"));
            assert_eq!(fleet.loads(), 2, "the second server loads");
        });
    }

    #[test]
    fn a_reader_who_disconnects_gives_the_lease_back() {
        run(async {
            let fleet = Fleet::default();
            let (_database, first) = fleet.slow_server();
            settle().await;
            let second = fleet.server(ready(stored("e2e4")));
            settle().await;
            first.abort();
            assert_eq!(answer(second).await, stored("e2e4"));
            assert_eq!(fleet.loads(), 2, "the second server loads");
        });
    }
}
