//! The faults of the manager as the lecture first wrote it, one test each, the other way round
//! than in `naive-pubsub`: there the wrong answer is asserted, here the right one.

use super::{
    test_broker::TestBroker,
    test_client::{Received, TestClient},
};
use crate::{
    Connection, Disconnected, Event, Feed, HubOptions, Options, PubSubManager, Stock,
    SubscribeError, UserId,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// A manager, the broker behind it, and what the manager has said that it did.
struct Fixture {
    broker: TestBroker,
    manager: Arc<PubSubManager>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Fixture {
    /// The manager has been started, and nothing has been waited for.
    fn just_started() -> Self {
        let broker = TestBroker::default();
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let options = Options {
            hub: HubOptions {
                on_event: Some(Arc::new(move |event: &Event| {
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

    /// Publishes, and returns how many servers heard it.
    fn publish(&self, name: &str, price: &str) -> u64 {
        self.broker.publish(stock(name), price.parse().unwrap())
    }

    fn count(&self, event: &Event) -> usize {
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

/// Lets everything happen that is still to come: on the paused clock this takes no time.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn a_user_that_joins_before_the_connection_is_there_is_told_so_and_gets_every_price_once_it_is()
 {
    let fixture = Fixture::just_started();
    fixture.broker.go_down();
    let (asha, client) = fixture.user(1);
    fixture.subscribe(&asha, "APPL");
    settle().await;
    assert_eq!(fixture.publish("APPL", "100"), 0);
    assert_eq!(
        client.feed(),
        Some(Feed::Stale),
        "a user is not told live while no prices come"
    );

    fixture.broker.come_up();
    settle().await;
    assert_eq!(client.feed(), Some(Feed::Live));
    assert_eq!(fixture.publish("APPL", "100.1"), 1);
    settle().await;
    assert_eq!(client.prices("APPL"), ["100.1"]);
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

    // And one leaving is enough.
    fixture.unsubscribe(&cleo, "GOOG");
    settle().await;
    assert_eq!(fixture.broker.subscribers(stock("GOOG")), 0);
}

#[tokio::test(start_paused = true)]
async fn two_leavings_unsubscribe_the_server_once() {
    let fixture = Fixture::started().await;
    let (dora, _) = fixture.user(1);
    fixture.subscribe(&dora, "META");
    settle().await;
    fixture.unsubscribe(&dora, "META");
    settle().await;
    fixture.unsubscribe(&dora, "META");
    settle().await;
    assert_eq!(
        fixture.count(&Event::Unsubscribed {
            stock: stock("META")
        }),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn an_emptied_stock_leaves_nothing_behind() {
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
async fn a_stock_that_no_user_had_can_be_left_and_then_followed() {
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
async fn leaving_costs_what_the_user_had_and_not_what_everybody_has() {
    let fixture = Fixture::started().await;
    let users: Vec<_> = (0..100_000).map(|id| fixture.user(id).0).collect();
    for user in &users {
        fixture.subscribe(user, "MSFT");
    }
    // One after the other, the first first: with a scan of the list these would be five thousand
    // million comparisons, and this test would not end.
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
    let garbage: [&[u8]; 6] = [
        b"<b>free</b>",
        b"",
        b"--1",
        b"1e9",
        b"1\n",
        &[0xff; 100_000],
    ];
    for message in garbage {
        assert_eq!(fixture.broker.publish_unchecked(stock("IBM"), message), 1);
    }
    fixture.publish("IBM", "170");
    settle().await;
    assert_eq!(client.prices("IBM"), ["170"], "garbage ends nothing");
    assert_eq!(fixture.manager.stats().invalid_messages, 6);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_connection_the_server_subscribes_again_and_the_users_were_told() {
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
async fn after_disconnect_each_verb_says_no() {
    let fixture = Fixture::started().await;
    let (gita, client) = fixture.user(1);
    fixture.subscribe(&gita, "AMZN");
    settle().await;
    fixture.manager.disconnect().await;
    assert!(
        fixture.broker.channels().is_empty(),
        "everything was unsubscribed first"
    );
    assert_eq!(client.feed(), Some(Feed::Stale), "the users were told");

    assert_eq!(
        fixture
            .manager
            .connect(UserId(2), TestClient::default())
            .unwrap_err(),
        Disconnected
    );
    let joined = fixture.manager.user_subscribe(&gita, stock("AMZN"));
    assert_eq!(joined, Err(SubscribeError::Disconnected(Disconnected)));
    assert_eq!(
        fixture.manager.user_unsubscribe(&gita, &stock("AMZN")),
        Err(Disconnected)
    );
    // Twice is the same as once.
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
