//! One story over both brokers: two servers, three users, one stock.

use super::eventually::{DEADLINE, eventually};
use super::test_client::{Received, TestClient};
use crate::{
    BrokerAddress, Connection, Feed, InProcess, Options, PubSubManager, Publisher, Stock, UserId,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_story_over_the_broker_in_this_process() {
    play(BrokerAddress::InProcess(InProcess::default()), "").await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn the_story_over_a_redis() {
    let Some(redis) = harness::RedisServer::start() else {
        return;
    };
    play(BrokerAddress::Redis(redis.url().parse().unwrap()), "").await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn the_story_over_a_redis_that_is_shared_with_others() {
    let Some(redis) = harness::RedisServer::start() else {
        return;
    };
    play(
        BrokerAddress::Redis(redis.url().parse().unwrap()),
        "class-7:",
    )
    .await;
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn the_story_over_a_redis_cluster() {
    let Some(cluster) = harness::RedisCluster::shared() else {
        return;
    };
    play(super::server_on_cluster::broker(&cluster), "class-7:").await;
}

/// One server: a manager of its own on the shared broker.
struct Server {
    manager: Arc<PubSubManager>,
}

impl Server {
    async fn start(broker: &BrokerAddress, prefix: &str) -> Self {
        let manager = PubSubManager::new(Options {
            broker: broker.clone(),
            channel_prefix: prefix.to_owned(),
            unsubscribe_delay: Duration::from_millis(50),
            ..Options::default()
        });
        let manager = manager.unwrap();
        eventually("the server is live", || manager.stats().feed == Feed::Live).await;
        Self { manager }
    }

    fn user(&self, id: u64) -> (Connection<TestClient>, TestClient) {
        let client = TestClient::default();
        (
            self.manager.connect(UserId(id), client.clone()).unwrap(),
            client,
        )
    }

    async fn is_subscribed_to(&self, channels: u64) {
        eventually("the broker has confirmed what is wanted", || {
            let stats = self.manager.stats();
            stats.channels_confirmed == channels && stats.channels_wanted == channels
        })
        .await;
    }
}

fn price(price: &str, last: bool) -> Received {
    Received::Price {
        stock: "APPL".to_owned(),
        price: price.to_owned(),
        last,
        missed: 0,
    }
}

async fn until_received(client: &TestClient, received: &Received) {
    eventually("a message arrives", || {
        client.received().last() == Some(received)
    })
    .await;
}

/// The story, from the first subscription to the last price; it is long because it has an order.
async fn play(broker: BrokerAddress, prefix: &str) {
    let apple: Stock = "APPL".parse().unwrap();
    let publisher = Publisher::new(&broker, prefix);
    let publish = async |price: &str| {
        publisher
            .publish(&[(apple, price.parse().unwrap())])
            .await
            .unwrap()
    };
    let live = Received::Status {
        feed: Feed::Live,
        stock: None,
    };
    let stale = Received::Status {
        feed: Feed::Stale,
        stock: None,
    };
    let subscribed = Received::Subscribed("APPL".to_owned());
    let unsubscribed = Received::Unsubscribed("APPL".to_owned());
    let (here, there) = (
        Server::start(&broker, prefix).await,
        Server::start(&broker, prefix).await,
    );
    assert_eq!(
        publish("99").await,
        0,
        "no server is subscribed to the stock yet"
    );

    // The first user of a server subscribes it, and is sent the last price.
    let (asha, asha_received) = here.user(1);
    here.manager.user_subscribe(&asha, apple).unwrap();
    here.is_subscribed_to(1).await;
    until_received(&asha_received, &price("99", true)).await;
    assert_eq!(
        publish("100").await,
        1,
        "one server is subscribed to the stock"
    );
    until_received(&asha_received, &price("100", false)).await;

    // The second user is sent the last price, and the server stays subscribed once.
    let (ben, ben_received) = here.user(2);
    here.manager.user_subscribe(&ben, apple).unwrap();
    // So is the first user of the other server, which reads it from the broker.
    let (cleo, cleo_received) = there.user(3);
    there.manager.user_subscribe(&cleo, apple).unwrap();
    there.is_subscribed_to(1).await;
    until_received(&cleo_received, &price("100", true)).await;
    assert_eq!(
        publish("100.1").await,
        2,
        "two servers are subscribed to the stock"
    );
    for client in [&asha_received, &ben_received, &cleo_received] {
        until_received(client, &price("100.1", false)).await;
    }

    // After `unsubscribed` comes no price.
    here.manager.user_unsubscribe(&asha, &apple).unwrap();
    assert_eq!(publish("100.2").await, 2);
    until_received(&ben_received, &price("100.2", false)).await;

    // The last user of a server unsubscribes it, also by dropping its connection.
    drop(ben);
    here.is_subscribed_to(0).await;
    assert_eq!(publish("100.3").await, 1);
    until_received(&cleo_received, &price("100.3", false)).await;

    there.manager.disconnect().await;
    // A broker may go on counting a connection that was closed a moment ago.
    let deadline = Instant::now() + DEADLINE;
    while publish("100.4").await > 0 {
        assert!(Instant::now() < deadline, "the connection stays open");
    }
    let prices =
        |texts: &[&str]| -> Vec<Received> { texts.iter().map(|text| price(text, false)).collect() };
    let asha_expected = [
        vec![live.clone(), subscribed.clone(), price("99", true)],
        prices(&["100", "100.1"]),
        vec![unsubscribed],
    ];
    assert_eq!(asha_received.received(), asha_expected.concat());
    let ben_expected = [
        vec![live.clone(), subscribed.clone(), price("100", true)],
        prices(&["100.1", "100.2"]),
    ];
    assert_eq!(ben_received.received(), ben_expected.concat());
    let cleo_expected = [
        vec![live, subscribed, price("100", true)],
        prices(&["100.1", "100.2", "100.3"]),
        vec![stale],
    ];
    assert_eq!(cleo_received.received(), cleo_expected.concat());
}
