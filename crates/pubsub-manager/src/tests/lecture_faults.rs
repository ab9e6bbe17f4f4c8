//! The faults of the manager as the lecture first wrote it, one test each, the other way round
//! than in `naive-pubsub`: there the wrong answer is asserted, here the right one.

use super::ear::{Ear, Told};
use crate::{
    BrokerAddress, Connection, Disconnected, Event, Feed, InProcess, Options, PubSubManager, Stock,
    SubscribeError, UserId,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// A manager, the broker behind it, and what the manager has said that it did.
struct House {
    broker: InProcess,
    manager: Arc<PubSubManager>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl House {
    /// The manager has been started, and nothing has been waited for.
    fn just_started() -> Self {
        let broker = InProcess::new();
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let options = Options {
            broker: BrokerAddress::InProcess(broker.clone()),
            on_event: Some(Arc::new(move |event: &Event| {
                log.lock().push(event.clone());
            })),
            ..Options::default()
        };
        let manager = PubSubManager::new(options).unwrap();
        Self {
            broker,
            manager,
            events,
        }
    }

    async fn started() -> Self {
        let house = Self::just_started();
        settle().await;
        house
    }

    fn user(&self, id: u64) -> (Connection<Ear>, Ear) {
        let ear = Ear::default();
        (self.manager.connect(UserId(id), ear.clone()).unwrap(), ear)
    }

    fn subscribe(&self, who: &Connection<Ear>, name: &str) {
        self.manager.user_subscribe(who, stock(name)).unwrap();
    }

    fn unsubscribe(&self, who: &Connection<Ear>, name: &str) {
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
async fn whoever_joins_before_the_connection_is_there_is_told_so_and_gets_every_price_once_it_is() {
    let house = House::just_started();
    house.broker.go_down();
    let (asha, ear) = house.user(1);
    house.subscribe(&asha, "APPL");
    settle().await;
    assert_eq!(house.publish("APPL", "100"), 0);
    assert_eq!(
        ear.feed(),
        Some(Feed::Stale),
        "nobody pretends that prices are coming"
    );

    house.broker.come_up();
    settle().await;
    assert_eq!(ear.feed(), Some(Feed::Live));
    assert_eq!(house.publish("APPL", "100.1"), 1);
    settle().await;
    assert_eq!(ear.prices("APPL"), ["100.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_subscribes_twice_is_sent_every_price_once() {
    let house = House::started().await;
    let (cleo, ear) = house.user(1);
    house.subscribe(&cleo, "GOOG");
    house.subscribe(&cleo, "GOOG");
    settle().await;
    house.publish("GOOG", "180.5");
    settle().await;
    assert_eq!(ear.prices("GOOG"), ["180.5"]);
    let acknowledged = Told::Subscribed("GOOG".to_owned());
    assert_eq!(
        ear.told()
            .iter()
            .filter(|told| **told == acknowledged)
            .count(),
        2
    );

    // And one leaving is enough.
    house.unsubscribe(&cleo, "GOOG");
    settle().await;
    assert_eq!(house.broker.subscribers(stock("GOOG")), 0);
}

#[tokio::test(start_paused = true)]
async fn two_leavings_unsubscribe_the_server_once() {
    let house = House::started().await;
    let (dora, _) = house.user(1);
    house.subscribe(&dora, "META");
    settle().await;
    house.unsubscribe(&dora, "META");
    settle().await;
    house.unsubscribe(&dora, "META");
    settle().await;
    assert_eq!(
        house.count(&Event::Unsubscribed {
            stock: stock("META")
        }),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn an_emptied_stock_leaves_nothing_behind() {
    let house = House::started().await;
    let (ben, _) = house.user(1);
    for n in 0..10_000 {
        house.subscribe(&ben, &format!("S{n}"));
        house.unsubscribe(&ben, &format!("S{n}"));
    }
    settle().await;
    assert_eq!(house.manager.shared().channels.len(), 0);
    assert!(house.broker.channels().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stock_nobody_had_can_be_left_and_then_followed() {
    let house = House::started().await;
    let (gita, _) = house.user(1);
    house.unsubscribe(&gita, "NFLX");
    assert_eq!(house.manager.shared().channels.len(), 0);

    let (evan, ear) = house.user(2);
    house.subscribe(&evan, "NFLX");
    settle().await;
    assert_eq!(house.publish("NFLX", "600"), 1);
    settle().await;
    assert_eq!(ear.prices("NFLX"), ["600"]);
}

#[tokio::test(start_paused = true)]
async fn leaving_costs_what_the_user_had_and_not_what_everybody_has() {
    let house = House::started().await;
    let users: Vec<_> = (0..100_000).map(|id| house.user(id).0).collect();
    for user in &users {
        house.subscribe(user, "MSFT");
    }
    // One after the other, the first first: with a scan of the list these would be five thousand
    // million comparisons, and nobody would wait for this test.
    users.into_iter().for_each(drop);
    settle().await;
    assert_eq!(house.manager.stats().users, 0);
    assert_eq!(house.broker.subscribers(stock("MSFT")), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_price_is_counted_and_relayed_to_nobody() {
    let house = House::started().await;
    let (finn, ear) = house.user(1);
    house.subscribe(&finn, "IBM");
    settle().await;
    let garbage: [&[u8]; 6] = [b"<b>free</b>", b"", b"-1", b"1e9", b"1\n", &[0xff; 100_000]];
    for message in garbage {
        assert_eq!(house.broker.publish_unchecked(stock("IBM"), message), 1);
    }
    house.publish("IBM", "170");
    settle().await;
    assert_eq!(ear.prices("IBM"), ["170"], "garbage ends nothing");
    assert_eq!(house.manager.stats().garbage, 6);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_link_the_server_subscribes_again_and_the_users_were_told() {
    let house = House::started().await;
    let (asha, ear) = house.user(1);
    house.subscribe(&asha, "APPL");
    settle().await;

    house.broker.cut_links();
    settle().await;
    assert_eq!(house.publish("APPL", "100.3"), 1);
    settle().await;
    let status = |feed| Told::Status { feed, stock: None };
    let (stock, price) = ("APPL".to_owned(), "100.3".to_owned());
    assert_eq!(
        ear.told(),
        [
            status(Feed::Live),
            Told::Subscribed("APPL".to_owned()),
            status(Feed::Stale),
            status(Feed::Live),
            Told::Price {
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
    let house = House::started().await;
    let (gita, ear) = house.user(1);
    house.subscribe(&gita, "AMZN");
    settle().await;
    house.manager.disconnect().await;
    assert!(
        house.broker.channels().is_empty(),
        "everything was unsubscribed first"
    );
    assert_eq!(ear.feed(), Some(Feed::Stale), "the users were told");

    assert_eq!(
        house
            .manager
            .connect(UserId(2), Ear::default())
            .unwrap_err(),
        Disconnected
    );
    let joined = house.manager.user_subscribe(&gita, stock("AMZN"));
    assert_eq!(joined, Err(SubscribeError::Disconnected(Disconnected)));
    assert_eq!(
        house.manager.user_unsubscribe(&gita, &stock("AMZN")),
        Err(Disconnected)
    );
    // Twice is the same as once.
    house.manager.disconnect().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_manager_hands_out_is_a_copy_that_changes_nothing() {
    let house = House::started().await;
    let (hal, _) = house.user(1);
    house.subscribe(&hal, "TSLA");
    let mut copy = house.manager.stats();
    copy.stocks.clear();
    assert_eq!(house.manager.stats().stocks.len(), 1);
}
