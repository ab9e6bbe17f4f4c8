//! The last price over a real cluster: how it is stored, and what it costs if it cannot be.

use super::{
    eventually::eventually,
    server_on_cluster::broker,
    server_on_redis::parsed,
    test_client::{Received, TestClient},
};
use crate::{BrokerAddress, Connection, Feed, Options, PubSubManager, Publisher, UserId};
use harness::RedisCluster;
use redis_client::slot_of;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A manager on the cluster, and a publisher.
struct Server {
    manager: Arc<PubSubManager>,
    publisher: Publisher,
}

impl Server {
    async fn start(broker: &BrokerAddress) -> Self {
        let manager = PubSubManager::new(Options {
            broker: broker.clone(),
            ..Options::default()
        });
        let manager = manager.unwrap();
        eventually("the manager is live", || manager.stats().is_live()).await;
        let publisher = Publisher::new(broker, "");
        Self { manager, publisher }
    }

    async fn publish(&self, stock: &str, price: &str) -> u64 {
        let prices = [(parsed(stock), price.parse().unwrap())];
        self.publisher.publish(&prices).await.unwrap()
    }

    /// A user of this stock, once the cluster holds the subscription.
    async fn user(&self, stock: &str, cluster: &RedisCluster) -> User {
        static USERS: AtomicU64 = AtomicU64::new(0);
        let client = TestClient::default();
        let id = UserId(USERS.fetch_add(1, Ordering::Relaxed));
        let connection = self.manager.connect(id, client.clone()).unwrap();
        self.manager
            .user_subscribe(&connection, parsed(stock))
            .unwrap();
        let channel = BTreeSet::from([stock.to_owned()]);
        eventually("the stock is subscribed", || {
            cluster.shard_numsub(&channel).len() == 1
        })
        .await;
        User {
            stock: stock.to_owned(),
            client,
            _connection: connection,
        }
    }
}

struct User {
    stock: String,
    client: TestClient,
    _connection: Connection<TestClient>,
}

impl User {
    /// Waits for its newest price; returns all of its prices, and whether the first of them was stored.
    async fn until_sent(&self, price: &str) -> (Vec<String>, bool) {
        let prices = || self.client.prices(&self.stock);
        eventually("the price arrives", || {
            prices().last().is_some_and(|last| last == price)
        })
        .await;
        let is_last = |received: &Received| matches!(received, Received::Price { last: true, .. });
        let stored = self.client.received().iter().any(is_last);
        (prices(), stored)
    }

    fn was_never_stale(&self) -> bool {
        let is_stale = |received: &Received| {
            matches!(
                received,
                Received::Status {
                    feed: Feed::Stale,
                    ..
                }
            )
        };
        !self.client.received().iter().any(is_stale)
    }
}

/// The cluster's address for a user who has all rights but these.
fn with_rights(cluster: &RedisCluster, name: &str, rights: &[&str]) -> BrokerAddress {
    let login = ["ACL", "SETUSER", name, "reset", "on", ">secret"];
    let all = ["~*", "&*", "+@all"];
    for node in cluster.running() {
        node.run::<()>(&[&login[..], &all, rights].concat());
    }
    let url = cluster.url();
    let url = url.replace("redis://", &format!("redis://{name}:secret@"));
    let address: redis_client::RedisAddress = url.parse().unwrap();
    address.into()
}

/// The master of a slot, and another one to which it can be moved.
fn masters(cluster: &RedisCluster, stock: &str) -> (usize, usize) {
    let from = cluster.master_of(stock);
    let to = (0..6).find(|node| *node != from && cluster.is_master(*node));
    (from, to.expect("there are three masters"))
}

/// Two stocks of one slot, 9598, and the slot after it.
const PAIR: [&str; 2] = ["S838", "S1600"];
const NEXT_SLOT: &str = "9599";

/// Begins to move the slot of a stock: all that has been moved is the stored prices.
pub(super) fn begin_move(cluster: &RedisCluster, stock: &str, from: usize, to: usize) {
    set_slot(cluster, stock, to, "IMPORTING", from);
    set_slot(cluster, stock, from, "MIGRATING", to);
    let (source, target) = (cluster.node(from), cluster.node(to));
    let slot = slot_of(stock).to_string();
    let keys: Vec<String> = source.run(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]);
    if !keys.is_empty() {
        let port = target.address().port().to_string();
        let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        source.run::<()>(&[&migrate[..], &keys].concat());
    }
}

pub(super) fn end_move(cluster: &RedisCluster, stock: &str, from: usize, to: usize) {
    set_slot(cluster, stock, to, "NODE", to);
    set_slot(cluster, stock, from, "NODE", to);
}

fn set_slot(cluster: &RedisCluster, stock: &str, node: usize, how: &str, other: usize) {
    let other: String = cluster.node(other).run(&["CLUSTER", "MYID"]);
    let slot = slot_of(stock).to_string();
    let set = ["CLUSTER", "SETSLOT", &slot, how, &other];
    cluster.node(node).run::<()>(&set);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_are_published_and_the_last_is_stored_in_one_transaction_for_each_slot() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let node = cluster.node(cluster.master_of(PAIR[0]));
    node.run::<()>(&["CONFIG", "RESETSTAT"]);
    let publisher = Publisher::new(&broker(&cluster), "");
    let prices = [(PAIR[0], "1"), (PAIR[1], "2"), (PAIR[0], "3")];
    let prices = prices.map(|(stock, price)| (parsed(stock), price.parse().unwrap()));
    publisher.publish(&prices).await.unwrap();
    for (stock, price) in [(PAIR[0], "3"), (PAIR[1], "2")] {
        let key = format!("last.{{{stock}}}");
        assert_eq!(node.run::<String>(&["GET", &key]), price);
        let ttl: u64 = node.run(&["TTL", &key]);
        assert!((86_300..=86_400).contains(&ttl), "{ttl} s");
    }
    let stats: String = node.run(&["INFO", "commandstats"]);
    for calls in ["exec:calls=1,", "set:calls=2,", "spublish:calls=3,"] {
        assert!(stats.contains(&format!("cmdstat_{calls}")), "{stats}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_slot_is_moved_its_prices_come_and_afterwards_they_are_stored_again() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let (from, to) = masters(&cluster, PAIR[0]);
    let servers = [
        Server::start(&broker(&cluster)).await,
        Server::start(&broker(&cluster)).await,
    ];
    servers[0].publish(PAIR[0], "1").await;
    let early = servers[0].user(PAIR[0], &cluster).await;
    assert_eq!(early.until_sent("1").await, (vec!["1".to_owned()], true));

    begin_move(&cluster, PAIR[0], from, to);
    // The source answers SET and MGET with ASK, and the subscribers are still there.
    assert_eq!(servers[0].publish(PAIR[0], "2").await, 1);
    assert_eq!(early.until_sent("2").await.0, ["1", "2"]);
    let joining = servers[1].user(PAIR[0], &cluster).await;
    assert_eq!(servers[0].publish(PAIR[0], "3").await, 2);
    joining.until_sent("3").await;
    assert!(joining.was_never_stale());

    end_move(&cluster, PAIR[0], from, to);
    let channel = BTreeSet::from([PAIR[0].to_owned()]);
    eventually("both servers are subscribed at the next master", || {
        cluster.shard_numsub(&channel).get(PAIR[0]) == Some(&2)
    })
    .await;
    servers[0].publish(PAIR[0], "4").await;
    early.until_sent("4").await;
    let key = format!("last.{{{}}}", PAIR[0]);
    assert_eq!(cluster.node(to).run::<String>(&["GET", &key]), "4");
    begin_move(&cluster, PAIR[0], to, from);
    end_move(&cluster, PAIR[0], to, from);
    cluster.until_whole();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_may_not_store_publishes_each_price_once() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let mut server = Server::start(&broker(&cluster)).await;
    for (stock, right, stored) in [
        ("NOSET", "-set", "1"),
        ("NOEXEC", "-exec", "1"),
        // Then each command of a transaction is executed by itself.
        ("NOMULTI", "-multi", "3"),
    ] {
        server.publisher = Publisher::new(&broker(&cluster), "");
        server.publish(stock, "1").await;
        let user = server.user(stock, &cluster).await;
        user.until_sent("1").await;
        server.publisher = Publisher::new(&with_rights(&cluster, "publisher", &[right]), "");
        for price in ["2", "3"] {
            assert_eq!(server.publish(stock, price).await, 1, "{right}");
        }
        assert_eq!(user.until_sent("3").await.0, ["1", "2", "3"], "{right}");
        let node = cluster.node(cluster.master_of(stock));
        let key = format!("last.{{{stock}}}");
        assert_eq!(node.run::<String>(&["GET", &key]), stored, "{right}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_not_read_costs_its_users_the_last_price_and_nothing_else() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let publisher = Publisher::new(&broker(&cluster), "");
    for (stock, right) in [
        ("NOMGET", "-mget"),
        ("NOECHO", "-echo"),
        ("NOKEYS", "resetkeys"),
    ] {
        let mut server = Server::start(&with_rights(&cluster, "server", &[right])).await;
        server.publisher = publisher.clone();
        server.publish(stock, "1").await;
        let user = server.user(stock, &cluster).await;
        assert_eq!(server.publish(stock, "2").await, 1, "{right}");
        assert_eq!(user.until_sent("2").await.0, ["2"], "{right}");
        assert!(user.was_never_stale(), "{right}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_that_the_wire_protocol_names_are_enough_in_a_cluster() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../lessons/16-wire-protocol.md"
    );
    let rights =
        "+ssubscribe +sunsubscribe +spublish +mget +echo +cluster|info +cluster|slots ~last.*";
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("`{rights}`")));
    let rights: Vec<&str> = ["resetkeys", "-@all"]
        .into_iter()
        .chain(rights.split(' '))
        .collect();
    let mut server = Server::start(&with_rights(&cluster, "named", &rights)).await;
    server.publisher = Publisher::new(&broker(&cluster), "");
    server.publish("NAMED", "1").await;
    let user = server.user("NAMED", &cluster).await;
    assert_eq!(user.until_sent("1").await, (vec!["1".to_owned()], true));
    server.publish("NAMED", "2").await;
    user.until_sent("2").await;
}

/// One master has lost a slot, so it stores and reads nothing. It still takes messages and subscribers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_cluster_is_down_the_prices_of_the_masters_that_serve_come_at_once() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let server = Server::start(&broker(&cluster)).await;
    server.publish(PAIR[0], "1").await;
    let early = server.user(PAIR[0], &cluster).await;
    early.until_sent("1").await;
    let node = cluster.node(cluster.master_of(PAIR[0]));
    node.run::<()>(&["CLUSTER", "DELSLOTS", NEXT_SLOT]);
    let info: String = node.run(&["CLUSTER", "INFO"]);
    assert!(info.contains("cluster_state:fail"), "{info}");
    assert_eq!(server.publish(PAIR[0], "2").await, 1);
    early.until_sent("2").await;
    let late = server.user(PAIR[1], &cluster).await;
    assert_eq!(server.publish(PAIR[1], "3").await, 1);
    late.until_sent("3").await;
    node.run::<()>(&["CLUSTER", "ADDSLOTS", NEXT_SLOT]);
    cluster.until_whole();
    assert!(early.was_never_stale() && late.was_never_stale());
    server.publish(PAIR[0], "4").await;
    let key = format!("last.{{{}}}", PAIR[0]);
    assert_eq!(node.run::<String>(&["GET", &key]), "4");
}
