//! The lecture's manager with its faults, line for line. They are explained in `play.rs` and not here:
//! this is how the code looked to its author, and it looks correct.

use crate::{redis::RedisClient, users};
use once_cell::sync::OnceCell;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

static INSTANCE: OnceCell<PubSubManager> = OnceCell::new();

/// The users of each stock. `None` is JavaScript's `undefined`: a key without a value, which is not the
/// same as no key.
pub type Subscriptions = HashMap<String, Option<Vec<String>>>;

/// Connects Redis with the users of this server, and has nine faults.
pub struct PubSubManager {
    redis_client: RedisClient,
    subscriptions: Mutex<Subscriptions>,
}

impl PubSubManager {
    fn new() -> Self {
        let redis_client = RedisClient::default();
        tokio::spawn(redis_client.clone().connect());
        Self {
            redis_client,
            subscriptions: Mutex::default(),
        }
    }

    /// The process's one manager, made by the first call.
    ///
    /// # Panics
    /// The first call panics outside a tokio runtime, because it spawns the connection.
    pub fn instance() -> &'static Self {
        INSTANCE.get_or_init(Self::new)
    }

    /// Subscribes a user to a stock; the first user of a stock subscribes this server to it.
    pub fn user_subscribe(&self, user: &str, stock: &str) {
        let mut subscriptions = self.lock();
        let users = subscriptions
            .entry(stock.to_owned())
            .or_insert_with(|| Some(Vec::new()));
        if let Some(users) = users {
            users.push(user.to_owned());
        }
        if users.as_ref().map(Vec::len) == Some(1) {
            let channel = stock.to_owned();
            let _ = self.redis_client.subscribe(stock, move |message| {
                Self::instance().handle_message(&channel, message);
            });
        }
    }

    /// Unsubscribes a user from a stock; the last user of a stock unsubscribes this server from it.
    /// Returns how many users were scanned.
    pub fn user_unsubscribe(&self, user: &str, stock: &str) -> usize {
        let mut subscriptions = self.lock();
        let before = subscriptions.remove(stock).flatten();
        let looked_at = before.as_ref().map_or(0, Vec::len);
        let after = before.map(|all| {
            all.into_iter()
                .filter(|one| one != user)
                .collect::<Vec<_>>()
        });
        if after.as_ref().is_some_and(Vec::is_empty) {
            let _ = self.redis_client.unsubscribe(stock);
        }
        subscriptions.insert(stock.to_owned(), after);
        looked_at
    }

    fn handle_message(&self, stock: &str, message: &str) {
        for user in self.lock().get(stock).into_iter().flatten().flatten() {
            users::send(user, stock, message);
        }
    }

    /// Ends the connection to Redis.
    pub fn disconnect(&self) {
        self.redis_client.quit();
    }

    /// A copy of the map, which the play prints and the tests compare.
    pub fn subscriptions(&self) -> Subscriptions {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions
            .lock()
            .expect("nothing panics while it holds this lock")
    }
}
