//! A manager on a Redis Cluster, one user for each stock, and prices that pour in: what the tests of a
//! cluster's faults begin with, and what they must find in the end.

use super::eventually::eventually;
use super::server_on_redis::{names, parsed};
use super::test_client::{Received, TestClient};
use crate::{BrokerAddress, Connection, Feed, Options, PubSubManager, Publisher, Stock, UserId};
use harness::RedisCluster;
use redis_client::slot_of;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Enough that each master has some twenty.
const STOCKS: usize = 60;
/// The time between two prices of a stock.
const EVERY: Duration = Duration::from_millis(25);

/// A server whose user `n` is subscribed to the stock `n`, and to nothing else.
pub(super) struct ClusterServer {
    pub(super) manager: Arc<PubSubManager>,
    pub(super) stocks: Vec<String>,
    pub(super) clients: Vec<TestClient>,
    _connections: Vec<Connection<TestClient>>,
    market: Market,
    /// The master of each stock when the server was started.
    masters: Vec<usize>,
    /// How much each user had been sent when [`mark`](Self::mark) was called.
    marks: Vec<usize>,
}

impl ClusterServer {
    pub(super) async fn start(cluster: &RedisCluster) -> Self {
        Self::start_with(cluster, names(STOCKS)).await
    }

    pub(super) async fn start_with(cluster: &RedisCluster, stocks: Vec<String>) -> Self {
        // Prices are numbered from 1 on, and the test before this one has stored some.
        cluster.forget_keys();
        let broker = broker(cluster);
        let manager = PubSubManager::new(Options {
            broker: broker.clone(),
            ..Options::default()
        });
        let manager = manager.unwrap();
        eventually("the manager is live", || manager.stats().is_live()).await;
        let (mut clients, mut connections) = (Vec::new(), Vec::new());
        for (number, stock) in stocks.iter().enumerate() {
            let client = TestClient::default();
            let connection = manager
                .connect(UserId(number as u64), client.clone())
                .unwrap();
            manager.user_subscribe(&connection, parsed(stock)).unwrap();
            clients.push(client);
            connections.push(connection);
        }
        let masters = cluster.masters_of(stocks.iter().map(String::as_str));
        let market = Market::open(&broker, &stocks);
        Self {
            manager,
            market,
            masters,
            marks: vec![0; stocks.len()],
            stocks,
            clients,
            _connections: connections,
        }
    }

    /// A server that settled, with prices on their way to every user: what a fault begins with.
    pub(super) async fn start_busy(cluster: &RedisCluster) -> Self {
        let mut server = Self::start(cluster).await;
        server.settles(cluster).await;
        server.all_receive_more().await;
        server.mark();
        server
    }

    /// The users of the stocks that this master served when the server was started.
    pub(super) fn users_of(&self, master: usize) -> Vec<usize> {
        (0..self.stocks.len())
            .filter(|user| self.is_of(*user, master))
            .collect()
    }

    /// Whether the user's stock was served by this master when the server was started.
    pub(super) fn is_of(&self, user: usize, master: usize) -> bool {
        self.masters[user] == master
    }

    pub(super) fn other_users(&self, master: usize) -> Vec<usize> {
        (0..self.stocks.len())
            .filter(|user| !self.is_of(*user, master))
            .collect()
    }

    /// The masters of the stocks when the server was started.
    pub(super) fn masters(&self) -> BTreeSet<usize> {
        self.masters.iter().copied().collect()
    }

    /// A master that is none of these.
    pub(super) fn other_master(&self, than: &[usize]) -> usize {
        let mut masters = self.masters().into_iter();
        masters
            .find(|master| !than.contains(master))
            .expect("there are three masters with stocks")
    }

    /// As many slots of a master, from that of its first stock on.
    pub(super) fn slots_with_stocks(
        &self,
        cluster: &RedisCluster,
        master: usize,
        count: usize,
    ) -> Vec<u16> {
        let slots = cluster.slots_of(master);
        let first = slot_of(&self.stocks[self.users_of(master)[0]]);
        let before = slots.iter().take_while(|slot| **slot != first).count();
        let from_there = slots.iter().cycle().skip(before);
        from_there.take(count.min(slots.len())).copied().collect()
    }

    /// The users of stocks in these slots, and the others.
    pub(super) fn users_in(&self, slots: &[u16]) -> (Vec<usize>, Vec<usize>) {
        (0..self.stocks.len()).partition(|user| slots.contains(&slot_of(&self.stocks[*user])))
    }

    /// What is sent from here on is what the test is about.
    pub(super) fn mark(&mut self) {
        let received = |client: &TestClient| client.with_received(<[Received]>::len);
        self.marks = self.clients.iter().map(received).collect();
    }

    /// The statuses of the feed and of stocks that a user was sent since [`mark`](Self::mark).
    pub(super) fn statuses(&self, user: usize) -> Vec<Feed> {
        let status = |received: &Received| match received {
            Received::Status { feed, .. } => Some(*feed),
            _ => None,
        };
        self.clients[user]
            .with_received(|all| all[self.marks[user]..].iter().filter_map(status).collect())
    }

    pub(super) async fn are_sent(&self, users: &[usize], feed: Feed) {
        eventually(&format!("the users are sent {feed:?}"), || {
            users
                .iter()
                .all(|user| self.statuses(*user).last() == Some(&feed))
        })
        .await;
    }

    /// Waits until these users were sent `stale` first and `live` last. With the next master connected already
    /// `stale` lasts for some milliseconds, so a test must not wait for it to be the last status.
    pub(super) async fn are_sent_stale_and_live(&self, users: &[usize]) {
        eventually("the users are sent stale and then live", || {
            users.iter().all(|user| {
                let statuses = self.statuses(*user);
                statuses.first() == Some(&Feed::Stale) && statuses.last() == Some(&Feed::Live)
            })
        })
        .await;
    }

    pub(super) fn were_sent_nothing(&self, users: &[usize]) {
        for user in users {
            assert_eq!(self.statuses(*user), [], "{}", self.stocks[*user]);
        }
    }

    /// Waits until each user was sent three prices more.
    pub(super) async fn all_receive_more(&self) {
        let prices = |user: usize| self.clients[user].prices(&self.stocks[user]).len();
        let before: Vec<usize> = (0..self.stocks.len()).map(prices).collect();
        eventually("every user is sent prices", || {
            (0..self.stocks.len()).all(|user| prices(user) >= before[user] + 3)
        })
        .await;
    }

    /// Waits until the nodes hold exactly what the users want, once each, and the manager knows it.
    pub(super) async fn settles(&self, cluster: &RedisCluster) {
        let wanted: BTreeMap<String, usize> =
            self.stocks.iter().map(|stock| (stock.clone(), 1)).collect();
        let names = wanted.keys().cloned().collect();
        eventually("the nodes hold what the users want", || {
            cluster.shard_numsub(&names) == wanted && cluster.shard_channels() == names
        })
        .await;
        let channels = wanted.len() as u64;
        eventually("the manager knows it", || {
            let stats = self.manager.counts();
            stats.channels_wanted == channels && stats.channels_confirmed == channels
        })
        .await;
    }

    /// The end of a test whose fault concerned some users only: these others were sent no status and lost no
    /// price.
    pub(super) async fn must_be_whole_without_effect_on(
        self,
        others: &[usize],
        cluster: &RedisCluster,
    ) {
        self.were_sent_nothing(others);
        let lost = self.must_be_whole(cluster).await;
        assert_eq!(lost_by(others, &lost), 0, "{lost:?}");
    }

    /// The end of each test: the market closes with a price for each stock, which every user receives, and
    /// every price that a user did not receive was announced by `stale`. Returns how many were lost of
    /// each stock.
    pub(super) async fn must_be_whole(self, cluster: &RedisCluster) -> Vec<usize> {
        self.settles(cluster).await;
        let published = self.market.close().await;
        for (user, published) in published.iter().enumerate() {
            let (stock, newest) = (
                &self.stocks[user],
                published.last().expect("the last price"),
            );
            eventually("the newest price arrives", || {
                self.clients[user].prices(stock).last() == Some(&newest.to_string())
            })
            .await;
        }
        let lost = |(user, published): (usize, &Vec<u64>)| {
            self.clients[user]
                .with_received(|story| lost_prices(&self.stocks[user], story, published))
        };
        published.iter().enumerate().map(lost).collect()
    }
}

/// Prices that were lost by these users.
pub(super) fn lost_by(users: &[usize], lost: &[usize]) -> usize {
    users.iter().map(|user| lost[*user]).sum()
}

pub(super) fn broker(cluster: &RedisCluster) -> BrokerAddress {
    let address: redis_client::RedisAddress = cluster.url().parse().unwrap();
    address.into()
}

/// Counts the published prices that did not come in their turn, and fails if one of them came not at all
/// and was not announced. A former master may hand a price on late, which the broker's promise says.
fn lost_prices(stock: &str, story: &[Received], published: &[u64]) -> usize {
    let mut lost = 0;
    let mut due = published.iter().copied().peekable();
    let mut stale = Stale::default();
    for received in story {
        match received {
            Received::Status { feed, stock } => stale.set(stock.is_some(), *feed),
            Received::Price { price, .. } => {
                let price: u64 = price.parse().unwrap();
                while let Some(missed) = due.next_if(|due| *due < price) {
                    assert!(
                        stale.since_last_price || prices_of(story).contains(&missed),
                        "{stock}: {missed} was lost silently: {story:?}"
                    );
                    lost += 1;
                }
                due.next_if_eq(&price);
                stale.since_last_price = stale.is_now();
            }
            Received::Subscribed(_) | Received::Unsubscribed(_) => {}
        }
    }
    lost
}

fn prices_of(story: &[Received]) -> Vec<u64> {
    let price = |received: &Received| match received {
        Received::Price { price, .. } => price.parse().ok(),
        _ => None,
    };
    story.iter().filter_map(price).collect()
}

/// Whether a user knows that its prices are stale.
#[derive(Default)]
pub(super) struct Stale {
    feed: bool,
    stock: bool,
    pub(super) since_last_price: bool,
}

impl Stale {
    pub(super) fn set(&mut self, stock: bool, feed: Feed) {
        let is_stale = feed == Feed::Stale;
        *(if stock {
            &mut self.stock
        } else {
            &mut self.feed
        }) = is_stale;
        self.since_last_price |= self.is_now();
    }

    pub(super) fn is_now(&self) -> bool {
        self.feed || self.stock
    }
}

/// Publishes numbered prices of each stock, each stock by itself, whatever happens to the cluster.
pub(super) struct Market {
    closed: CancellationToken,
    /// By number of the stock: the prices that were published, and were not answered with an error.
    stocks: JoinSet<(usize, Vec<u64>)>,
}

impl Market {
    fn open(broker: &BrokerAddress, stocks: &[String]) -> Self {
        let publisher = Publisher::new(broker, "");
        let closed = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for (number, stock) in stocks.iter().enumerate() {
            let (publisher, stock, closed) = (publisher.clone(), parsed(stock), closed.clone());
            tasks.spawn(async move { (number, publish(&publisher, stock, &closed).await) });
        }
        Self {
            closed,
            stocks: tasks,
        }
    }

    async fn close(self) -> Vec<Vec<u64>> {
        self.closed.cancel();
        let mut published = self.stocks.join_all().await;
        published.sort_unstable();
        published.into_iter().map(|(_, prices)| prices).collect()
    }
}

/// Publishes until it is closed, and then until one price more was taken.
async fn publish(publisher: &Publisher, stock: Stock, closed: &CancellationToken) -> Vec<u64> {
    let mut published = Vec::new();
    let mut clock = interval(EVERY);
    for price in 1.. {
        clock.tick().await;
        let is_last = closed.is_cancelled();
        let price_text = price.to_string().parse().unwrap();
        if publisher.publish(&[(stock, price_text)]).await.is_ok() {
            published.push(price);
            if is_last {
                break;
            }
        }
    }
    published
}
