//! The faults of the manager as the lecture first wrote it, one test each. The tests of `naive-pubsub`
//! assert the wrong answer, these assert the right one.

use super::{
    test_broker::TestBroker,
    test_client::{Received, TestClient},
};
use crate::{
    Connection, Disconnected, Feed, HubEvent, HubOptions, Options, PubSubManager, Stock,
    SubscribeError, UserId,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// A manager, the broker behind it, and the events that the manager has emitted.
struct Fixture {
    broker: TestBroker,
    manager: Arc<PubSubManager>,
    events: Arc<Mutex<Vec<HubEvent>>>,
}

impl Fixture {
    /// A manager that has just been started and is not connected yet.
    fn just_started() -> Self {
        let broker = TestBroker::default();
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let options = Options {
            hub: HubOptions {
                on_event: Some(Arc::new(move |event: &HubEvent| {
                    log.lock().push(event.clone());
                })),
                ..HubOptions::default()
            },
            ..Options::default()
        };
        let runtime = tokio::runtime::Handle::current();
        let manager = PubSubManager::with_broker(broker.clone(), options, runtime);
        Self {
            broker,
            manager,
            events,
        }
    }

    async fn started() -> Self {
        let fixture = Self::just_started();
        settle().await;
        fixture
    }

    fn user(&self, id: u64) -> (Connection<TestClient>, TestClient) {
        let client = TestClient::default();
        (
            self.manager.connect(UserId(id), client.clone()).unwrap(),
            client,
        )
    }

    fn subscribe(&self, who: &Connection<TestClient>, name: &str) {
        self.manager.user_subscribe(who, stock(name)).unwrap();
    }

    fn unsubscribe(&self, who: &Connection<TestClient>, name: &str) {
        self.manager.user_unsubscribe(who, &stock(name)).unwrap();
    }

    /// Publishes, and returns how many servers received it.
    fn publish(&self, name: &str, price: &str) -> u64 {
        self.broker.publish(stock(name), price.parse().unwrap())
    }

    fn count(&self, event: &HubEvent) -> usize {
        self.events
            .lock()
            .iter()
            .filter(|one| *one == event)
            .count()
    }
}

fn stock(name: &str) -> Stock {
    name.parse().unwrap()
}

/// Waits until nothing more happens. It takes no time, because the clock is paused.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn a_user_that_subscribes_before_there_is_a_connection_is_sent_stale_and_then_every_price() {
    let fixture = Fixture::just_started();
    fixture.broker.go_down();
    let (asha, client) = fixture.user(1);
    fixture.subscribe(&asha, "APPL");
    settle().await;
    assert_eq!(fixture.publish("APPL", "100"), 0);
    assert_eq!(
        client.feed(),
        Some(Feed::Stale),
        "a user is not sent `live` while no prices come"
    );

    fixture.broker.come_up();
    settle().await;
    assert_eq!(client.feed(), Some(Feed::Live));
    assert_eq!(fixture.publish("APPL", "100.1"), 1);
    settle().await;
    // 100 as the last price, and 100.1 as a new one.
    assert_eq!(client.prices("APPL"), ["100", "100.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_subscribes_twice_is_sent_every_price_once() {
    let fixture = Fixture::started().await;
    let (cleo, client) = fixture.user(1);
    fixture.subscribe(&cleo, "GOOG");
    fixture.subscribe(&cleo, "GOOG");
    settle().await;
    fixture.publish("GOOG", "180.5");
    settle().await;
    assert_eq!(client.prices("GOOG"), ["180.5"]);
    let acknowledged = Received::Subscribed("GOOG".to_owned());
    assert_eq!(
        client
            .received()
            .iter()
            .filter(|received| **received == acknowledged)
            .count(),
        2
    );

    // One unsubscribe is enough.
    fixture.unsubscribe(&cleo, "GOOG");
    settle().await;
    assert_eq!(fixture.broker.subscribers(stock("GOOG")), 0);
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_twice_unsubscribes_the_server_once() {
    let fixture = Fixture::started().await;
    let (dora, _) = fixture.user(1);
    fixture.subscribe(&dora, "META");
    settle().await;
    fixture.unsubscribe(&dora, "META");
    settle().await;
    fixture.unsubscribe(&dora, "META");
    settle().await;
    assert_eq!(
        fixture.count(&HubEvent::Unsubscribed {
            stock: stock("META")
        }),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_stock_without_users_is_forgotten() {
    let fixture = Fixture::started().await;
    let (ben, _) = fixture.user(1);
    for n in 0..10_000 {
        fixture.subscribe(&ben, &format!("S{n}"));
        fixture.unsubscribe(&ben, &format!("S{n}"));
    }
    settle().await;
    assert_eq!(fixture.manager.hub.channels_known(), 0);
    assert!(fixture.broker.channels().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stock_without_users_can_be_unsubscribed_and_then_subscribed() {
    let fixture = Fixture::started().await;
    let (gita, _) = fixture.user(1);
    fixture.unsubscribe(&gita, "NFLX");
    assert_eq!(fixture.manager.hub.channels_known(), 0);

    let (evan, client) = fixture.user(2);
    fixture.subscribe(&evan, "NFLX");
    settle().await;
    assert_eq!(fixture.publish("NFLX", "600"), 1);
    settle().await;
    assert_eq!(client.prices("NFLX"), ["600"]);
}

#[tokio::test(start_paused = true)]
async fn disconnecting_costs_what_the_user_had_and_not_what_all_users_have() {
    let fixture = Fixture::started().await;
    let users: Vec<_> = (0..100_000).map(|id| fixture.user(id).0).collect();
    for user in &users {
        fixture.subscribe(user, "MSFT");
    }
    // In the order of subscribing: with a scan of the list these would be five thousand million
    // comparisons, and this test would not end.
    users.into_iter().for_each(drop);
    settle().await;
    assert_eq!(fixture.manager.stats().users, 0);
    assert_eq!(fixture.broker.subscribers(stock("MSFT")), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_a_price_is_counted_and_not_relayed() {
    let fixture = Fixture::started().await;
    let (finn, client) = fixture.user(1);
    fixture.subscribe(&finn, "IBM");
    settle().await;
    let invalid: [&[u8]; 6] = [
        b"<b>free</b>",
        b"",
        b"--1",
        b"1e9",
        b"1\n",
        &[0xff; 100_000],
    ];
    for message in invalid {
        assert_eq!(fixture.broker.publish_unchecked(stock("IBM"), message), 1);
    }
    fixture.publish("IBM", "170");
    settle().await;
    assert_eq!(
        client.prices("IBM"),
        ["170"],
        "an invalid message ends nothing"
    );
    assert_eq!(fixture.manager.stats().invalid_messages, 6);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_connection_the_server_subscribes_again_and_users_are_sent_stale_and_live() {
    let fixture = Fixture::started().await;
    let (asha, client) = fixture.user(1);
    fixture.subscribe(&asha, "APPL");
    settle().await;

    fixture.broker.cut_connections();
    settle().await;
    assert_eq!(fixture.publish("APPL", "100.3"), 1);
    settle().await;
    let status = |feed| Received::Status { feed, stock: None };
    let (stock, price) = ("APPL".to_owned(), "100.3".to_owned());
    assert_eq!(
        client.received(),
        [
            status(Feed::Live),
            Received::Subscribed("APPL".to_owned()),
            status(Feed::Stale),
            status(Feed::Live),
            Received::Price {
                stock,
                price,
                last: false,
                missed: 0
            },
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn after_disconnect_each_verb_answers_disconnected() {
    let fixture = Fixture::started().await;
    let (gita, client) = fixture.user(1);
    fixture.subscribe(&gita, "AMZN");
    settle().await;
    fixture.manager.disconnect().await;
    assert!(
        fixture.broker.channels().is_empty(),
        "everything was unsubscribed first"
    );
    assert_eq!(client.feed(), Some(Feed::Stale), "users are sent `stale`");

    assert_eq!(
        fixture
            .manager
            .connect(UserId(2), TestClient::default())
            .unwrap_err(),
        Disconnected
    );
    let subscribed = fixture.manager.user_subscribe(&gita, stock("AMZN"));
    assert_eq!(subscribed, Err(SubscribeError::Disconnected(Disconnected)));
    assert_eq!(
        fixture.manager.user_unsubscribe(&gita, &stock("AMZN")),
        Err(Disconnected)
    );
    // A second call has no effect.
    fixture.manager.disconnect().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_manager_hands_out_is_a_copy_that_changes_nothing() {
    let fixture = Fixture::started().await;
    let (hal, _) = fixture.user(1);
    fixture.subscribe(&hal, "TSLA");
    let mut copy = fixture.manager.stats();
    copy.stocks.clear();
    assert_eq!(fixture.manager.stats().stocks.len(), 1);
}
