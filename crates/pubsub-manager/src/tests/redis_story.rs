//! Random users against a simple model, as in `state_machine`, over a real Redis: whatever happens in
//! between, what Redis holds becomes what the users want.
//!
//! Time is real here, so there are few stories, and an unsubscribe waits for 20 ms only.

use super::eventually::eventually;
use super::server_on_redis::{Server, in_order_and_once, names, parsed, subscriptions};
use super::test_client::TestClient;
use crate::{Feed, Options};
use harness::RedisServer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::sleep;

/// Few, so that users meet: most faults need two of something at one stock.
const STOCKS: usize = 2;

/// More in CI than for a learner who waits.
fn stories() -> u32 {
    if std::env::var_os("CI").is_some() {
        20
    } else {
        3
    }
}

#[derive(Debug, Clone)]
enum Step {
    Connect,
    Disconnect(Index),
    Subscribe(Index, String),
    Unsubscribe(Index, String),
    /// This many prices, one after another.
    Publish(String, u64),
    /// Time passes, in milliseconds: about as many as an unsubscribe waits.
    Pass(u64),
    /// Redis closes every subscriber's connection.
    Cut,
    /// Redis dies and comes back.
    Restart,
    /// Waits until Redis holds what the users want.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let stock = || select(names(STOCKS));
    prop_oneof![
        2 => Just(Step::Connect),
        1 => any::<Index>().prop_map(Step::Disconnect),
        8 => (any::<Index>(), stock()).prop_map(|(user, stock)| Step::Subscribe(user, stock)),
        4 => (any::<Index>(), stock()).prop_map(|(user, stock)| Step::Unsubscribe(user, stock)),
        6 => (stock(), 1..20_u64).prop_map(|(stock, times)| Step::Publish(stock, times)),
        6 => (1..40_u64).prop_map(Step::Pass),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
        2 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: stories(),
        failure_persistence: None,
        // A story that fails waits for a minute, so shrinking may run two.
        max_shrink_time: 60_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_redis_holds_what_users_want_and_no_user_is_sent_a_price_twice(
        steps in vec(step(), 20..100),
    ) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(run(steps));
    }
}

async fn run(steps: Vec<Step>) {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let options = Options {
        unsubscribe_delay: Duration::from_millis(20),
        ..Options::default()
    };
    let mut story = Story {
        server: Server::start_with(redis, options).await,
        wanted: Vec::new(),
        published: 0,
    };
    for step in steps {
        story.take(step).await;
    }
    story.settle().await;
}

struct Story {
    server: Server,
    /// The stocks to which each of the server's users is subscribed.
    wanted: Vec<BTreeSet<String>>,
    /// Prices are numbered, so that order and repetition can be seen.
    published: u64,
}

impl Story {
    async fn take(&mut self, step: Step) {
        let users = self.wanted.len();
        match step {
            Step::Connect => {
                self.server.user(&[]);
                self.wanted.push(BTreeSet::new());
            }
            Step::Publish(stock, times) => {
                for _ in 0..times {
                    self.published += 1;
                    let price = self.published.to_string();
                    self.server.publish(&stock, &price).await;
                }
            }
            Step::Pass(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
            Step::Cut => self.server.redis.run(&["CLIENT", "KILL", "TYPE", "pubsub"]),
            Step::Restart => {
                self.server.redis.kill_9();
                self.server.redis.restart();
            }
            Step::Settle => self.settle().await,
            // The steps below need a user, and there may be none.
            _ if users == 0 => {}
            Step::Disconnect(user) => {
                let user = user.index(users);
                drop(self.server.users.remove(user));
                self.wanted.remove(user);
            }
            Step::Subscribe(user, stock) => {
                let user = user.index(users);
                let connection = &self.server.users[user].connection;
                let subscribed = self
                    .server
                    .manager
                    .user_subscribe(connection, parsed(&stock));
                subscribed.unwrap();
                self.wanted[user].insert(stock);
            }
            Step::Unsubscribe(user, stock) => {
                let user = user.index(users);
                let connection = &self.server.users[user].connection;
                let unsubscribed = self
                    .server
                    .manager
                    .user_unsubscribe(connection, &parsed(&stock));
                unsubscribed.unwrap();
                self.wanted[user].remove(&stock);
            }
        }
    }

    async fn settle(&mut self) {
        let clients: Vec<TestClient> = self
            .server
            .users
            .iter()
            .map(|user| user.client.clone())
            .collect();
        for (client, wanted) in clients.iter().zip(&self.wanted) {
            eventually("the user is sent what it is subscribed to", || {
                subscriptions(client) == *wanted
            })
            .await;
        }
        self.server.settles().await;
        eventually("the feed is live", || {
            self.server.manager.stats().feed == Feed::Live
        })
        .await;
        self.published += 1;
        self.server.is_whole(self.published).await;
        for client in &clients {
            for stock in names(STOCKS) {
                in_order_and_once(client, &stock);
            }
        }
    }
}
