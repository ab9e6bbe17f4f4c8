// refused by: fifty_servers_load_once

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
        self.give_lease_back();
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
