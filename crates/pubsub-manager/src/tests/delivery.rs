//! The promise to users: at most once, in order, everything while there is no pressure and the
//! newest under pressure; and nobody suffers for another.

use super::ear::{Ear, Told};
use crate::broker::{Broker, Heard, Link, Lost};
use crate::reconciler::Command;
use crate::{
    BrokerAddress, Connection, Encode, Feed, InProcess, JsonLines, Message, Options, Outlet,
    PubSubManager, Stock, UserId,
};
use parking_lot::Mutex;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// A manager that is live, and the broker behind it.
struct House {
    broker: InProcess,
    manager: Arc<PubSubManager>,
}

impl House {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let broker = InProcess::new();
        let broker_address = BrokerAddress::InProcess(broker.clone());
        let manager = PubSubManager::new(Options {
            broker: broker_address,
            ..options
        })
        .unwrap();
        moment().await;
        assert_eq!(manager.stats().feed, Feed::Live);
        Self { broker, manager }
    }

    /// A user that follows APPL, whose channel is confirmed.
    async fn user(&self, id: u64) -> (Connection<Ear>, Ear) {
        let ear = Ear::default();
        let connection = self.follow(id, ear.clone(), apple());
        moment().await;
        (connection, ear)
    }

    fn follow<O: Outlet>(&self, id: u64, outlet: O, stock: Stock) -> Connection<O> {
        let connection = self.manager.connect(UserId(id), outlet).unwrap();
        self.manager.user_subscribe(&connection, stock).unwrap();
        connection
    }

    fn publish(&self, price: u64) {
        self.broker
            .publish(apple(), price.to_string().parse().unwrap());
    }
}

fn apple() -> Stock {
    "APPL".parse().unwrap()
}

fn price(price: u64, missed: u64) -> Told {
    let (stock, price) = ("APPL".into(), price.to_string());
    Told::Price {
        stock,
        price,
        last: false,
        missed,
    }
}

/// Lets what is ready happen. The clock is paused: it moves on only when nobody has work.
async fn moment() {
    sleep(Duration::from_millis(10)).await;
}

/// An outlet that keeps each write by itself.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

impl Outlet for Writes {
    fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}

#[tokio::test(start_paused = true)]
async fn the_first_user_subscribes_the_server_and_the_last_one_unsubscribes_it() {
    let house = House::new().await;
    let (first, _) = house.user(1).await;
    let (second, _) = house.user(2).await;
    assert_eq!(
        house.broker.subscribers(apple()),
        1,
        "one subscription for both"
    );
    house.manager.user_unsubscribe(&first, &apple()).unwrap();
    drop(second);
    moment().await;
    assert_eq!(
        house.broker.subscribers(apple()),
        1,
        "a page that is loaded again is back by now"
    );
    sleep(Duration::from_millis(1_200)).await;
    assert_eq!(house.broker.subscribers(apple()), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_later_is_told_the_last_price_first() {
    let house = House::new().await;
    let (_first, _) = house.user(1).await;
    house.publish(100);
    moment().await;
    let (_second, ear) = house.user(2).await;
    house.publish(101);
    moment().await;
    let (stock, last) = (String::from("APPL"), true);
    assert_eq!(
        ear.told(),
        [
            Told::Status {
                feed: Feed::Live,
                stock: None
            },
            Told::Subscribed(stock.clone()),
            Told::Price {
                stock,
                price: "100".into(),
                last,
                missed: 0
            },
            price(101, 0),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn prices_that_wait_together_leave_in_one_write_and_beyond_64_the_oldest_are_missed() {
    let house = House::new().await;
    let writes = Writes::default();
    let _user = house.follow(1, writes.clone(), apple());
    moment().await;
    writes.0.lock().clear();
    (1..=100).for_each(|price| house.publish(price));
    moment().await;
    let writes = writes.0.lock();
    assert_eq!(writes.len(), 1);
    let lines: Vec<&str> = str::from_utf8(&writes[0]).unwrap().lines().collect();
    assert_eq!(lines.len(), 64);
    assert_eq!(
        lines[0],
        r#"{"type":"price","stock":"APPL","price":"37","missed":36}"#
    );
    assert_eq!(
        lines[63],
        r#"{"type":"price","stock":"APPL","price":"100"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_cut_is_finished_and_then_comes_the_newest_price_only() {
    let house = House::new().await;
    let (_user, ear) = house.user(1).await;
    ear.take_only(10);
    (1..=3).for_each(|price| house.publish(price));
    moment().await;
    house.publish(4);
    moment().await;
    assert_eq!(house.manager.stats().users_behind, 1);
    ear.take_all();
    moment().await;
    // The first was begun, so it is finished; 2 and 3 were not, and are skipped.
    assert_eq!(ear.told()[2..], [price(1, 0), price(4, 2)]);
    house.publish(5);
    moment().await;
    assert_eq!(ear.told().last(), Some(&price(5, 0)));
    assert_eq!(house.manager.stats().users_behind, 0);
    assert_eq!(house.manager.stats().missed, 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_cut_again_while_catching_up_is_finished_as_well() {
    let house = House::new().await;
    let (_user, ear) = house.user(1).await;
    ear.take_only(10);
    house.publish(1);
    moment().await;
    house.publish(2);
    moment().await;
    // Enough for the rest of the first message, and for the start of the second.
    ear.take_only(40);
    moment().await;
    assert_eq!(ear.told()[2..], [price(1, 0)]);
    house.publish(3);
    ear.take_all();
    moment().await;
    assert_eq!(ear.told()[2..], [price(1, 0), price(2, 0), price(3, 0)]);
}

#[tokio::test(start_paused = true)]
async fn who_joins_in_the_midst_of_a_relay_gets_the_price_once() {
    let house = House::new().await;
    let mut users: Vec<_> = (0..300)
        .map(|id| house.follow(id, Ear::default(), apple()))
        .collect();
    moment().await;
    // By hand, so that the relay stands still between two slices.
    house.manager.handle_message(apple(), "1".parse().unwrap());
    house.manager.relay().tell_a_slice(house.manager.shared());
    let ear = Ear::default();
    let _joiner = house.follow(300, ear.clone(), apple());
    // The joiner, last in the row, takes the place of one who was still to be told.
    drop(users.remove(0));
    // Nobody has told the keeper; it finds the rest of the relay by its next tick.
    sleep(Duration::from_millis(200)).await;
    assert_eq!(
        ear.prices("APPL"),
        ["1"],
        "the last price, and not once more as a new one"
    );
    assert_eq!(house.manager.stats().restarts, 0);
    let told_once = |user: &Connection<Ear>| user.outlet().prices("APPL") == ["1"];
    assert!(
        users.iter().all(told_once),
        "nobody was passed over or told twice"
    );
}

#[tokio::test(start_paused = true)]
async fn after_unsubscribed_comes_no_price_however_far_behind_the_user_is() {
    let house = House::new().await;
    let (user, ear) = house.user(1).await;
    ear.take_only(10);
    house.publish(1);
    moment().await;
    house.manager.user_unsubscribe(&user, &apple()).unwrap();
    house.publish(2);
    ear.take_all();
    moment().await;
    assert_eq!(
        ear.told()[2..],
        [price(1, 0), Told::Unsubscribed("APPL".into())]
    );
}

/// Last words, as the protocol of these tests can say them.
const BYE: &[u8] = b"{\"type\":\"unsubscribed\",\"stock\":\"BYE\"}\n";

fn bye() -> Told {
    Told::Unsubscribed("BYE".into())
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_told_its_last_words_and_nothing_after_them() {
    let house = House::new().await;
    let (user, ear) = house.user(1).await;
    user.leave(BYE);
    assert!(ear.is_finished());
    user.leave(BYE);
    user.send(BYE);
    house.manager.user_subscribe(&user, apple()).unwrap();
    house.publish(1);
    house.broker.go_down();
    moment().await;
    assert_eq!(ear.told()[2..], [bye()]);
    let stats = house.manager.stats();
    assert_eq!((stats.users, stats.subscriptions), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_last_words_to_somebody_who_is_behind_come_after_the_price_that_was_cut() {
    let house = House::new().await;
    let (user, ear) = house.user(1).await;
    ear.take_only(10);
    (1..=2).for_each(|price| house.publish(price));
    moment().await;
    user.leave(BYE);
    house.publish(3);
    house.broker.go_down();
    moment().await;
    assert!(!ear.is_finished(), "it has yet to take them");
    ear.take_all();
    moment().await;
    assert_eq!(ear.told()[2..], [price(1, 0), bye()]);
    assert!(ear.is_finished());
    assert_eq!(house.manager.stats().users_behind, 0);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_its_last_words_by_the_deadline_is_given_up() {
    let house = House::new().await;
    let (user, ear) = house.user(1).await;
    ear.take_only(10);
    house.publish(1);
    moment().await;
    user.leave(BYE);
    sleep(Duration::from_secs(11)).await;
    assert!(ear.is_closed());
    assert!(!ear.is_finished());
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_by_the_deadline_is_given_up_and_the_others_never_waited() {
    let house = House::new().await;
    let (_slow, deaf) = house.user(1).await;
    let (_quick, ear) = house.user(2).await;
    deaf.take_only(0);
    house.publish(1);
    moment().await;
    assert_eq!(ear.prices("APPL"), ["1"]);
    assert!(!deaf.is_closed());
    sleep(Duration::from_secs(10)).await;
    assert!(deaf.is_closed());
    let stats = house.manager.stats();
    assert_eq!((stats.given_up, stats.users_behind), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_asks_and_does_not_read_the_answers_is_given_up_at_32_kib() {
    let house = House::new().await;
    let (user, ear) = house.user(1).await;
    ear.take_only(0);
    user.send(&[b'x'; 32 * 1024]);
    assert!(!ear.is_closed());
    user.send(b"x");
    assert!(ear.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_user_that_leaves_while_it_is_behind_leaves_nothing_behind() {
    let house = House::new().await;
    let (user, ear) = house.user(1).await;
    ear.take_only(0);
    house.publish(1);
    moment().await;
    assert_eq!(house.manager.stats().users_behind, 1);
    drop(user);
    moment().await;
    let stats = house.manager.stats();
    assert_eq!(
        (stats.users_behind, stats.users, stats.subscriptions),
        (0, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_outlet_that_panics_loses_its_own_user_only() {
    struct Broken;
    impl Outlet for Broken {
        fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
            assert!(
                !bytes.starts_with(br#"{"type":"price""#),
                "a fault of the caller"
            );
            Ok(bytes.len())
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn close(&self) {}
    }
    let house = House::new().await;
    let _broken = house.follow(1, Broken, apple());
    let (_user, ear) = house.user(2).await;
    house.publish(1);
    house.publish(2);
    moment().await;
    assert_eq!(ear.prices("APPL"), ["1", "2"]);
    let stats = house.manager.stats();
    assert_eq!((stats.given_up, stats.restarts), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_outlet_that_is_always_ready_and_takes_nothing_is_given_up_at_the_deadline() {
    struct Liar;
    impl Outlet for Liar {
        fn offer(&self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn close(&self) {}
    }
    let house = House::new().await;
    let _liar = house.follow(1, Liar, apple());
    sleep(Duration::from_secs(9)).await;
    assert_eq!(house.manager.stats().given_up, 0);
    sleep(Duration::from_secs(2)).await;
    let stats = house.manager.stats();
    assert_eq!((stats.given_up, stats.users_behind), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_leaves_no_user_half_way_into_a_stock() {
    let on_event: crate::Listener = Arc::new(|event| {
        let joins = matches!(event, crate::Event::UserSubscribed { .. });
        assert!(!joins, "a fault of the caller");
    });
    let house = House::with(Options {
        on_event: Some(on_event),
        ..Options::default()
    })
    .await;
    let (user, ear) = house.user(1).await;
    house.publish(1);
    moment().await;
    assert_eq!(ear.prices("APPL"), ["1"]);
    drop(user);
    assert_eq!(house.manager.stats().subscriptions, 0);
    assert!(house.manager.stats().stocks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_the_managers_own_task_is_counted_and_survived() {
    struct Superstitious;
    impl Encode for Superstitious {
        fn encode(&self, message: &Message<'_>, into: &mut Vec<u8>) {
            if let Message::Price { price, .. } = message {
                assert_ne!(price.as_str(), "13");
            }
            JsonLines.encode(message, into);
        }
    }
    let house = House::with(Options {
        encoder: Arc::new(Superstitious),
        ..Options::default()
    })
    .await;
    let (_user, ear) = house.user(1).await;
    house.publish(12);
    moment().await;
    house.publish(13);
    sleep(Duration::from_secs(1)).await;
    house.publish(14);
    moment().await;
    assert_eq!(ear.prices("APPL"), ["12", "14"]);
    assert_eq!(house.manager.stats().restarts, 1);
}

#[test]
fn when_the_runtime_has_ended_the_verbs_say_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let manager = runtime.block_on(async { PubSubManager::new(Options::default()).unwrap() });
    assert!(manager.connect(UserId(1), Ear::default()).is_ok());
    drop(runtime);
    assert!(manager.connect(UserId(2), Ear::default()).is_err());
}

#[test]
fn without_a_runtime_the_manager_does_not_start_and_says_what_to_do() {
    let error = PubSubManager::new(Options::default()).unwrap_err();
    assert!(error.to_string().contains("#[tokio::main]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_alive_and_deaf_is_noticed_within_ten_seconds() {
    let house = House::new().await;
    let (_user, ear) = house.user(1).await;
    let since = Instant::now();
    house.broker.deafen_links();
    while ear.feed() == Some(Feed::Live) {
        moment().await;
    }
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}",
        since.elapsed()
    );
    while ear.feed() == Some(Feed::Stale) {
        moment().await;
    }
    house.publish(1);
    moment().await;
    assert_eq!(ear.prices("APPL"), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_price_for_thousands_does_not_hold_up_another_stock() {
    /// Notes which stock was told, in the order of all users' writes.
    struct Noted(Stock, Arc<Mutex<Vec<Stock>>>);
    impl Outlet for Noted {
        fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.starts_with(br#"{"type":"price""#) {
                self.1.lock().push(self.0);
            }
            Ok(bytes.len())
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn close(&self) {}
    }
    let house = House::new().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let calm: Stock = "CALM".parse().unwrap();
    let follow = |id, stock| house.follow(id, Noted(stock, Arc::clone(&order)), stock);
    let _users: Vec<_> = (0..5_000)
        .map(|id| follow(id, apple()))
        .chain([follow(5_000, calm)])
        .collect();
    moment().await;
    house.publish(1);
    house.broker.publish(calm, "1".parse().unwrap());
    moment().await;
    let order = order.lock();
    assert_eq!(order.len(), 5_001);
    let calm_at = order.iter().position(|stock| *stock == calm).unwrap();
    assert!(
        calm_at < 1_000,
        "CALM was told after {calm_at} users of the other stock"
    );
}

#[tokio::test(start_paused = true)]
async fn disconnect_tells_what_waits_and_gives_who_is_behind_until_the_deadline() {
    let house = House::new().await;
    let (_user, ear) = house.user(1).await;
    let (_slow, slow) = house.user(2).await;
    slow.take_only(0);
    house.publish(1);
    let since = Instant::now();
    house.manager.disconnect().await;
    assert_eq!(ear.prices("APPL"), ["1"]);
    assert_eq!(ear.feed(), Some(Feed::Stale));
    assert_eq!(since.elapsed().as_secs(), 10);
    assert_eq!(house.broker.subscribers(apple()), 0);
    house.manager.disconnect().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_link_confirmed_says_nothing_of_the_next() {
    /// Its first link answers and breaks in the same breath; the next lives and never answers.
    #[derive(Default)]
    struct Fickle(AtomicBool);
    struct FickleLink {
        breaks: bool,
        asked: Vec<Heard>,
        spoke: bool,
    }
    impl Broker for Fickle {
        type Link = FickleLink;
        async fn connect(&self) -> Result<FickleLink, Lost> {
            let breaks = !self.0.swap(true, Ordering::Relaxed);
            Ok(FickleLink {
                breaks,
                asked: Vec::new(),
                spoke: false,
            })
        }
    }
    impl Link for FickleLink {
        fn ask(&mut self, command: &Command) {
            if let Command::Subscribe(stocks) = command {
                self.asked
                    .extend(stocks.iter().copied().map(Heard::Subscribed));
            }
        }
        fn probe(&mut self) {}
        async fn listen(&mut self, heard: &mut Vec<Heard>) -> Result<(), Lost> {
            if self.asked.is_empty() || self.spoke {
                std::future::pending::<()>().await;
            }
            self.spoke = true;
            if self.breaks {
                heard.append(&mut self.asked);
                return Err(Lost("it broke".into()));
            }
            heard.push(Heard::Alive);
            Ok(())
        }
    }
    let runtime = tokio::runtime::Handle::current();
    let manager = PubSubManager::with(Fickle::default(), Options::default(), runtime);
    let user = manager.connect(UserId(1), Ear::default()).unwrap();
    manager.user_subscribe(&user, apple()).unwrap();
    sleep(Duration::from_secs(2)).await;
    let stats = manager.stats();
    assert_eq!((stats.reconnects, stats.channels_confirmed), (1, 0));
}
