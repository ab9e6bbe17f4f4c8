//! A manager with its users on a real Redis, and prices that pour in: what the tests of its faults
//! begin with, and what they must find in the end.

use super::eventually::eventually;
use super::test_client::{Received, TestClient};
use crate::{BrokerAddress, Connection, Feed, Options, PubSubManager, Publisher, Stock, UserId};
use harness::RedisServer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A server of ours with its users, on a Redis of its own.
pub(super) struct Server {
    pub(super) redis: RedisServer,
    pub(super) manager: Arc<PubSubManager>,
    pub(super) users: Vec<User>,
}

pub(super) struct User {
    pub(super) connection: Connection<TestClient>,
    pub(super) client: TestClient,
}

impl Server {
    /// `None` if Redis is not installed.
    pub(super) async fn start() -> Option<Self> {
        let redis = RedisServer::start()?;
        Self::start_with(redis, Options::default()).await.into()
    }

    /// The same, with other options.
    pub(super) async fn start_with(redis: RedisServer, options: Options) -> Self {
        let options = Options {
            broker: BrokerAddress::Redis(redis.url().parse().unwrap()),
            ..options
        };
        let manager = PubSubManager::new(options).unwrap();
        let server = Self {
            redis,
            manager,
            users: Vec::new(),
        };
        eventually("the manager is live", || {
            server.manager.stats().feed == Feed::Live
        })
        .await;
        server
    }

    /// The same with ten users of twenty stocks each, and prices that pour in.
    pub(super) async fn start_busy() -> Option<(Self, Market)> {
        let mut server = Self::start().await?;
        let stocks = names(200);
        for stocks in stocks.chunks(20) {
            server.user(stocks);
        }
        server.settles().await;
        let market = Market::open(&server.redis, &stocks);
        Some((server, market))
    }

    /// Connects a user and subscribes it to these stocks.
    pub(super) fn user(&mut self, stocks: &[String]) -> &User {
        let client = TestClient::default();
        let id = UserId(self.users.len() as u64);
        let connection = self.manager.connect(id, client.clone()).unwrap();
        for stock in stocks {
            self.manager
                .user_subscribe(&connection, parsed(stock))
                .unwrap();
        }
        self.users.push(User { connection, client });
        &self.users[self.users.len() - 1]
    }

    /// The stocks of all users: what Redis must hold.
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        self.users
            .iter()
            .flat_map(|user| subscriptions(&user.client))
            .collect()
    }

    /// Waits until Redis holds exactly what the users want, once each.
    pub(super) async fn settles(&self) {
        let wanted = self.wanted();
        eventually("Redis holds exactly what the users want", || {
            self.redis.channels() == wanted
        })
        .await;
        let once = wanted
            .iter()
            .map(|stock| (stock.clone(), 1))
            .collect::<BTreeMap<_, _>>();
        assert_eq!(self.redis.numsub(&wanted), once);
        eventually("the manager knows it", || {
            let stats = self.manager.stats();
            let channels = wanted.len() as u64;
            stats.channels_wanted == channels && stats.channels_confirmed == channels
        })
        .await;
    }

    /// The end of each test: all is subscribed, the next price reaches every user of its stock,
    /// and no user was sent anything twice or out of order.
    pub(super) async fn is_whole(&self, next_price: u64) {
        self.settles().await;
        eventually("every user is sent `live`", || {
            self.users
                .iter()
                .all(|user| user.client.feed() == Some(Feed::Live))
        })
        .await;
        let price = next_price.to_string();
        for stock in self.wanted() {
            assert_eq!(self.publish(&stock, &price).await, 1);
        }
        for user in &self.users {
            for stock in subscriptions(&user.client) {
                eventually("the next price arrives", || {
                    user.client.prices(&stock).last() == Some(&price)
                })
                .await;
                in_order_and_once(&user.client, &stock);
            }
        }
    }

    /// Stores and publishes a price, and returns how many servers received it.
    pub(super) async fn publish(&self, stock: &str, price: &str) -> u64 {
        let broker = BrokerAddress::Redis(self.redis.url().parse().unwrap());
        let price = (parsed(stock), price.parse().unwrap());
        let published = Publisher::new(&broker, "").publish(&[price]).await;
        published.unwrap()
    }

    pub(super) async fn everyone_is_sent(&self, feed: Feed) {
        eventually("every user is sent the status of the feed", || {
            self.users
                .iter()
                .all(|user| user.client.feed() == Some(feed))
        })
        .await;
    }
}

/// Publishes numbered prices of some stocks until it is closed, whatever happens to Redis.
pub(super) struct Market {
    open: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Market {
    pub(super) fn open(redis: &RedisServer, stocks: &[String]) -> Self {
        let open = Arc::new(AtomicBool::new(true));
        let published = Arc::new(AtomicU64::new(0));
        let client = redis::Client::open(redis.url()).unwrap();
        let (is_open, count, stocks) = (Arc::clone(&open), Arc::clone(&published), stocks.to_vec());
        let thread = thread::spawn(move || {
            let mut connection = None;
            while is_open.load(Ordering::Relaxed) {
                let price = count.fetch_add(1, Ordering::Relaxed) + 1;
                let mut commands = redis::pipe();
                for stock in &stocks {
                    commands.publish(stock, price).ignore();
                }
                connection = connection.or_else(|| client.get_connection().ok());
                // Prices are lost while Redis is down, as those of a real market would be.
                if connection
                    .as_mut()
                    .is_some_and(|connection| commands.query::<()>(connection).is_err())
                {
                    connection = None;
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self {
            open,
            published,
            thread,
        }
    }

    /// Waits until some more prices have been published.
    pub(super) async fn goes_on(&self) {
        let target = self.published.load(Ordering::Relaxed) + 50;
        eventually("the market goes on", || {
            self.published.load(Ordering::Relaxed) >= target
        })
        .await;
    }

    /// Returns the first number that was not used.
    pub(super) fn close(self) -> u64 {
        self.open.store(false, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.published.load(Ordering::Relaxed) + 1
    }
}

pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("S{number}")).collect()
}

pub(super) fn parsed(stock: &str) -> Stock {
    stock.parse().unwrap()
}

/// The stocks to which the user is subscribed, according to what it was sent.
pub(super) fn subscriptions(client: &TestClient) -> BTreeSet<String> {
    let mut subscriptions = BTreeSet::new();
    client.with_received(|story| {
        for received in story {
            match received {
                Received::Subscribed(stock) => drop(subscriptions.insert(stock.clone())),
                Received::Unsubscribed(stock) => drop(subscriptions.remove(stock)),
                Received::Price { .. } | Received::Status { .. } => {}
            }
        }
    });
    subscriptions
}

/// Fails if a price came twice, or after a newer one. The last price on subscribing may be
/// one that the user was sent during an earlier subscription.
pub(super) fn in_order_and_once(client: &TestClient, of: &str) {
    client.with_received(|story| {
        let mut newest = 0;
        for received in story {
            if let Received::Price {
                stock, price, last, ..
            } = received
                && stock == of
            {
                let price: u64 = price.parse().unwrap();
                let in_order = if *last {
                    price >= newest
                } else {
                    price > newest
                };
                assert!(in_order, "{of}: {price} after {newest}");
                newest = price;
            }
        }
    });
}
