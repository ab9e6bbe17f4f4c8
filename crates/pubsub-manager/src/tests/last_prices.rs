//! The last price for the first user of a stock: it is read after the subscribe, and nobody is ever sent
//! a price older than one before.

use super::{
    test_broker::TestBroker,
    test_client::{Received, TestClient},
};
use crate::{Connection, Feed, Options, PubSubManager, Stock, UserId};
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::sleep};

/// How long a command and its answer take together.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// A manager whose broker takes its time.
struct Fixture {
    broker: TestBroker,
    manager: Arc<PubSubManager>,
}

impl Fixture {
    async fn new() -> Self {
        let (broker, runtime) = (TestBroker::default(), Handle::current());
        let manager = PubSubManager::with_broker(broker.clone(), Options::default(), runtime);
        settle().await;
        broker.delay(ROUND_TRIP);
        Self { broker, manager }
    }

    fn user(&self, id: u64) -> (Connection<TestClient>, TestClient) {
        let client = TestClient::default();
        let connection = self.manager.connect(UserId(id), client.clone()).unwrap();
        self.manager.user_subscribe(&connection, apple()).unwrap();
        (connection, client)
    }

    fn publish(&self, price: &str) {
        self.broker.publish(apple(), price.parse().unwrap());
    }

    /// Publishes as `redis-cli PUBLISH` does.
    fn publish_only(&self, price: &str) {
        self.broker.publish_unchecked(apple(), price.as_bytes());
    }
}

fn apple() -> Stock {
    "APPL".parse().unwrap()
}

fn price(price: &str, last: bool) -> Received {
    Received::Price {
        stock: "APPL".to_owned(),
        price: price.to_owned(),
        last,
        missed: 0,
    }
}

/// Lets everything happen that is still to come: on the paused clock this takes no time.
async fn settle() {
    sleep(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_user_of_a_stock_is_sent_the_stored_price_and_every_later_user_as_well() {
    let fixture = Fixture::new().await;
    fixture.publish("1");
    let (_first, first) = fixture.user(1);
    let (_waits_too, waits_too) = fixture.user(2);
    settle().await;
    let (_late, late) = fixture.user(3);
    fixture.publish("2");
    settle().await;
    for client in [first, waits_too, late] {
        assert_eq!(
            client.received()[2..],
            [price("1", true), price("2", false)]
        );
    }
    // A last price is not a delivery, and nobody missed it.
    let stats = fixture.manager.stats();
    assert_eq!((stats.deliveries, stats.missed), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_price_that_comes_after_the_read_and_before_its_answer_makes_the_stored_one_void() {
    let fixture = Fixture::new().await;
    fixture.publish("1");
    let (_user, client) = fixture.user(1);
    // The subscribe takes one round trip, and the read half of the next.
    sleep(ROUND_TRIP + ROUND_TRIP * 3 / 4).await;
    fixture.publish("2");
    settle().await;
    assert_eq!(client.received()[2..], [price("2", false)]);
}

#[tokio::test(start_paused = true)]
async fn a_price_that_comes_between_the_subscribe_and_the_read_is_sent_once() {
    let fixture = Fixture::new().await;
    fixture.publish("1");
    let (_user, client) = fixture.user(1);
    sleep(ROUND_TRIP * 3 / 4).await;
    fixture.publish("2");
    settle().await;
    assert_eq!(client.received()[2..], [price("2", false)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_reconnect_users_keep_their_price_because_the_stored_one_may_be_older() {
    let fixture = Fixture::new().await;
    fixture.publish("1");
    let (_user, client) = fixture.user(1);
    settle().await;
    fixture.publish_only("2");
    settle().await;
    fixture.broker.cut_connections();
    settle().await;
    assert_eq!(client.feed(), Some(Feed::Live));
    assert_eq!(client.prices("APPL"), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_during_the_read_is_not_the_end_of_it() {
    let fixture = Fixture::new().await;
    fixture.publish("1");
    let (_user, client) = fixture.user(1);
    sleep(ROUND_TRIP + ROUND_TRIP / 4).await;
    fixture.broker.cut_connections();
    settle().await;
    assert_eq!(client.prices("APPL"), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_subscribes_during_the_unsubscribe_is_sent_the_stored_price_and_not_the_former()
{
    let fixture = Fixture::new().await;
    fixture.publish("1");
    let (former, _) = fixture.user(1);
    settle().await;
    drop(former);
    // A second until the unsubscribe is due, and half a round trip until it is done.
    sleep(Duration::from_secs(1) + ROUND_TRIP * 3 / 4).await;
    assert_eq!(fixture.broker.subscribers(apple()), 0);
    fixture.publish("2");
    let (_user, client) = fixture.user(2);
    settle().await;
    assert_eq!(client.received()[2..], [price("2", true)]);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_stores_nothing_leaves_an_older_price_to_those_who_subscribe_later() {
    let fixture = Fixture::new().await;
    fixture.publish("1");
    fixture.publish_only("2");
    let (_user, client) = fixture.user(1);
    settle().await;
    assert_eq!(client.received()[2..], [price("1", true)]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_refuses_the_read_costs_the_last_price_and_nothing_else() {
    let fixture = Fixture::new().await;
    fixture.broker.refuse_reads();
    fixture.publish("1");
    let (_user, client) = fixture.user(1);
    settle().await;
    fixture.publish("2");
    settle().await;
    assert_eq!(client.received()[2..], [price("2", false)]);
    let stats = fixture.manager.stats();
    assert_eq!((stats.reconnects, stats.refusals), (0, 0));
    assert!(stats.is_live());
}
