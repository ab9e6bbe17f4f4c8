//! The promise to users: at most once, in order, everything while there is no pressure and the
//! newest under pressure; and no user suffers for another.

use super::{
    test_broker::TestBroker,
    test_client::{Received, TestClient},
};
use crate::{
    Connection, Disconnected, Encode, Feed, JsonLines, Message, Options, PubSubManager, Settings,
    Socket, Stock, UserId,
    broker::{Broker, BrokerConnection, BrokerError, Events},
};
use parking_lot::Mutex;
use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

/// A manager that is live, and the broker behind it.
struct Fixture {
    broker: TestBroker,
    manager: Arc<PubSubManager>,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let (broker, runtime) = (TestBroker::default(), Handle::current());
        let manager = PubSubManager::with_broker(broker.clone(), options, runtime);
        moment().await;
        assert_eq!(manager.stats().feed, Feed::Live);
        Self { broker, manager }
    }

    /// A user that follows APPL, whose channel is confirmed.
    async fn user(&self, id: u64) -> (Connection<TestClient>, TestClient) {
        let client = TestClient::default();
        let connection = self.follow(id, client.clone(), apple());
        moment().await;
        (connection, client)
    }

    fn follow<O: Socket>(&self, id: u64, socket: O, stock: Stock) -> Connection<O> {
        let connection = self.manager.connect(UserId(id), socket).unwrap();
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

fn price(price: u64, missed: u64) -> Received {
    let (stock, price) = ("APPL".into(), price.to_string());
    Received::Price {
        stock,
        price,
        last: false,
        missed,
    }
}

/// Lets what is ready happen. The clock is paused: it moves on only when no task has work.
async fn moment() {
    sleep(Duration::from_millis(10)).await;
}

/// An socket that keeps each write by itself.
#[derive(Clone, Default)]
struct RecordedWrites(Arc<Mutex<Vec<Vec<u8>>>>);

impl Socket for RecordedWrites {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
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
    let fixture = Fixture::new().await;
    let (first, _) = fixture.user(1).await;
    let (second, _) = fixture.user(2).await;
    assert_eq!(
        fixture.broker.subscribers(apple()),
        1,
        "one subscription for both"
    );
    fixture.manager.user_unsubscribe(&first, &apple()).unwrap();
    drop(second);
    moment().await;
    assert_eq!(
        fixture.broker.subscribers(apple()),
        1,
        "a page that is loaded again is back by now"
    );
    sleep(Duration::from_millis(1_200)).await;
    assert_eq!(fixture.broker.subscribers(apple()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_joins_later_is_sent_the_last_price_first() {
    let fixture = Fixture::new().await;
    let (_first, _) = fixture.user(1).await;
    fixture.publish(100);
    moment().await;
    let (_second, client) = fixture.user(2).await;
    fixture.publish(101);
    moment().await;
    let (stock, last) = (String::from("APPL"), true);
    assert_eq!(
        client.received(),
        [
            Received::Status {
                feed: Feed::Live,
                stock: None
            },
            Received::Subscribed(stock.clone()),
            Received::Price {
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
    let fixture = Fixture::new().await;
    let writes = RecordedWrites::default();
    let _user = fixture.follow(1, writes.clone(), apple());
    moment().await;
    writes.0.lock().clear();
    (1..=100).for_each(|price| fixture.publish(price));
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
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    client.take_only(10);
    (1..=3).for_each(|price| fixture.publish(price));
    moment().await;
    fixture.publish(4);
    moment().await;
    assert_eq!(fixture.manager.stats().users_lagging, 1);
    client.take_all();
    moment().await;
    // The first was begun, so it is finished; 2 and 3 were not, and are skipped.
    assert_eq!(client.received()[2..], [price(1, 0), price(4, 2)]);
    fixture.publish(5);
    moment().await;
    assert_eq!(client.received().last(), Some(&price(5, 0)));
    assert_eq!(fixture.manager.stats().users_lagging, 0);
    assert_eq!(fixture.manager.stats().missed, 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_cut_again_while_catching_up_is_finished_as_well() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    client.take_only(10);
    fixture.publish(1);
    moment().await;
    fixture.publish(2);
    moment().await;
    // Enough for the rest of the first message, and for the start of the second.
    client.take_only(40);
    moment().await;
    assert_eq!(client.received()[2..], [price(1, 0)]);
    fixture.publish(3);
    client.take_all();
    moment().await;
    assert_eq!(
        client.received()[2..],
        [price(1, 0), price(2, 0), price(3, 0)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_that_joins_in_the_middle_of_a_fan_out_gets_the_price_once() {
    let fixture = Fixture::new().await;
    let mut users: Vec<_> = (0..300)
        .map(|id| fixture.follow(id, TestClient::default(), apple()))
        .collect();
    moment().await;
    // By hand, so that the fan-out stands still between two slices.
    let hub = &fixture.manager.hub;
    fixture.manager.handle_message(apple(), b"1");
    assert!(hub.run_slice() > 0);
    let client = TestClient::default();
    let _joiner = fixture.follow(300, client.clone(), apple());
    // The joiner, last in the list, takes the position of one who was still to be sent it.
    drop(users.remove(0));
    moment().await;
    assert_eq!(
        client.prices("APPL"),
        ["1"],
        "the last price, and not once more as a new one"
    );
    let told_once = |user: &Connection<TestClient>| user.socket().prices("APPL") == ["1"];
    assert!(
        users.iter().all(told_once),
        "none was skipped, and none was sent it twice"
    );
}

#[tokio::test(start_paused = true)]
async fn after_unsubscribed_comes_no_price_however_far_the_user_lags() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(10);
    fixture.publish(1);
    moment().await;
    fixture.manager.user_unsubscribe(&user, &apple()).unwrap();
    fixture.publish(2);
    client.take_all();
    moment().await;
    assert_eq!(
        client.received()[2..],
        [price(1, 0), Received::Unsubscribed("APPL".into())]
    );
}

/// A final frame, as the protocol of these tests can say them.
const BYE: &[u8] = b"{\"type\":\"unsubscribed\",\"stock\":\"BYE\"}\n";

fn bye() -> Received {
    Received::Unsubscribed("BYE".into())
}

#[tokio::test(start_paused = true)]
async fn a_user_that_is_closed_is_sent_its_final_frame_and_nothing_after_it() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    user.close(BYE);
    assert!(client.is_shut_down());
    user.close(BYE);
    user.send(BYE);
    fixture.manager.user_subscribe(&user, apple()).unwrap();
    fixture.publish(1);
    fixture.broker.go_down();
    moment().await;
    assert_eq!(client.received()[2..], [bye()]);
    let stats = fixture.manager.stats();
    assert_eq!((stats.users, stats.subscriptions), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_final_frame_of_a_slow_consumer_comes_after_the_price_that_was_cut() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(10);
    (1..=2).for_each(|price| fixture.publish(price));
    moment().await;
    user.close(BYE);
    fixture.publish(3);
    fixture.broker.go_down();
    moment().await;
    assert!(!client.is_shut_down(), "it has yet to take them");
    client.take_all();
    moment().await;
    assert_eq!(client.received()[2..], [price(1, 0), bye()]);
    assert!(client.is_shut_down());
    assert_eq!(fixture.manager.stats().users_lagging, 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_does_not_take_its_final_frame_by_the_deadline_is_evicted() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(10);
    fixture.publish(1);
    moment().await;
    user.close(BYE);
    sleep(Duration::from_secs(11)).await;
    assert!(client.is_closed());
    assert!(!client.is_shut_down());
}

#[tokio::test(start_paused = true)]
async fn a_user_that_reads_nothing_by_the_deadline_is_evicted_and_no_other_waits() {
    let fixture = Fixture::new().await;
    let (_slow, deaf) = fixture.user(1).await;
    let (_quick, client) = fixture.user(2).await;
    deaf.take_only(0);
    fixture.publish(1);
    moment().await;
    assert_eq!(client.prices("APPL"), ["1"]);
    assert!(!deaf.is_closed());
    sleep(Duration::from_secs(10)).await;
    assert!(deaf.is_closed());
    let stats = fixture.manager.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_user_that_asks_and_does_not_read_the_answers_is_evicted_at_32_kib() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(0);
    user.send(&[b'x'; 32 * 1024]);
    assert!(!client.is_closed());
    user.send(b"x");
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_user_that_leaves_while_it_lags_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(0);
    fixture.publish(1);
    moment().await;
    assert_eq!(fixture.manager.stats().users_lagging, 1);
    drop(user);
    moment().await;
    let stats = fixture.manager.stats();
    assert_eq!(
        (stats.users_lagging, stats.users, stats.subscriptions),
        (0, 0, 0)
    );
}

/// A socket that panics when it is written a price, at once or while it catches up.
#[derive(Default)]
struct PanickingSocket {
    lags: bool,
    closed: Arc<AtomicBool>,
}

impl Socket for PanickingSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.starts_with(br#"{"type":"price""#) {
            return Ok(bytes.len());
        }
        assert!(self.lags, "a fault of the caller");
        Ok(0)
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("a fault of the caller")
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_panics_while_it_catches_up_loses_its_own_user_only() {
    let fixture = Fixture::new().await;
    let closed = Arc::default();
    let socket = PanickingSocket {
        lags: true,
        closed: Arc::clone(&closed),
    };
    let _panicking = fixture.follow(1, socket, apple());
    let (_user, client) = fixture.user(2).await;
    fixture.publish(1);
    moment().await;
    fixture.publish(2);
    moment().await;
    assert_eq!(client.prices("APPL"), ["1", "2"]);
    assert!(
        closed.load(Ordering::Relaxed),
        "its caller must end the connection"
    );
    let stats = fixture.manager.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_managers_task_ends_the_manager_and_each_verb_says_so() {
    let fixture = Fixture::new().await;
    let (user, _) = fixture.user(1).await;
    let panicking = fixture.follow(2, PanickingSocket::default(), apple());
    fixture.publish(1);
    fixture.manager.ended().await;
    let verbs = [
        fixture
            .manager
            .connect(UserId(3), TestClient::default())
            .map(drop),
        fixture.manager.user_unsubscribe(&user, &apple()),
    ];
    assert_eq!(verbs, [Err(Disconnected); 2]);
    assert!(fixture.manager.user_subscribe(&user, apple()).is_err());
    assert_eq!(fixture.manager.stats().feed, Feed::Stale);
    // Users can still be told to come back, and those who leave take nothing down.
    user.close(BYE);
    drop(panicking);
    fixture.manager.disconnect().await;
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_panics_ends_the_manager() {
    struct PanickingEncoder;
    impl Encode for PanickingEncoder {
        fn encode(&self, message: &Message<'_>, into: &mut Vec<u8>) {
            assert!(
                !matches!(message, Message::Price { .. }),
                "a fault of the caller"
            );
            JsonLines.encode(message, into);
        }
    }
    let fixture = Fixture::with(Options {
        hub: Settings {
            encoder: Arc::new(PanickingEncoder),
            ..Settings::default()
        },
        ..Options::default()
    })
    .await;
    let (_user, _) = fixture.user(1).await;
    fixture.publish(12);
    fixture.manager.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_is_always_ready_and_takes_nothing_is_evicted_at_the_deadline() {
    struct LyingSocket;
    impl Socket for LyingSocket {
        fn try_write(&self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn close(&self) {}
    }
    let fixture = Fixture::new().await;
    let _lying = fixture.follow(1, LyingSocket, apple());
    sleep(Duration::from_secs(9)).await;
    assert_eq!(fixture.manager.stats().evicted, 0);
    sleep(Duration::from_secs(2)).await;
    let stats = fixture.manager.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
}

#[test]
fn when_the_runtime_has_ended_the_verbs_say_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let manager = runtime.block_on(async { PubSubManager::new(Options::default()).unwrap() });
    assert!(manager.connect(UserId(1), TestClient::default()).is_ok());
    drop(runtime);
    assert!(manager.connect(UserId(2), TestClient::default()).is_err());
}

#[test]
fn without_a_runtime_the_manager_does_not_start_and_says_what_to_do() {
    let error = PubSubManager::new(Options::default()).unwrap_err();
    assert!(error.to_string().contains("#[tokio::main]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_alive_and_deaf_is_noticed_within_ten_seconds() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    let since = Instant::now();
    fixture.broker.deafen_connections();
    while client.feed() == Some(Feed::Live) {
        moment().await;
    }
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}",
        since.elapsed()
    );
    while client.feed() == Some(Feed::Stale) {
        moment().await;
    }
    fixture.publish(1);
    moment().await;
    assert_eq!(client.prices("APPL"), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_price_for_thousands_does_not_delay_another_stock() {
    /// Notes which stock was sent, in the order of all users' writes.
    struct Noted(Stock, Arc<Mutex<Vec<Stock>>>);
    impl Socket for Noted {
        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
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
    let fixture = Fixture::new().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let calm: Stock = "CALM".parse().unwrap();
    let follow = |id, stock| fixture.follow(id, Noted(stock, Arc::clone(&order)), stock);
    let _users: Vec<_> = (0..5_000)
        .map(|id| follow(id, apple()))
        .chain([follow(5_000, calm)])
        .collect();
    moment().await;
    fixture.publish(1);
    fixture.broker.publish(calm, "1".parse().unwrap());
    moment().await;
    let order = order.lock();
    assert_eq!(order.len(), 5_001);
    let calm_at = order.iter().position(|stock| *stock == calm).unwrap();
    assert!(
        calm_at < 1_000,
        "CALM was sent after {calm_at} users of the other stock"
    );
}

#[tokio::test(start_paused = true)]
async fn disconnect_sends_what_waits_and_gives_slow_consumers_until_the_deadline() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    let (_slow, slow) = fixture.user(2).await;
    slow.take_only(0);
    fixture.publish(1);
    let since = Instant::now();
    fixture.manager.disconnect().await;
    assert_eq!(client.prices("APPL"), ["1"]);
    assert_eq!(client.feed(), Some(Feed::Stale));
    assert_eq!(since.elapsed().as_secs(), 10);
    assert_eq!(fixture.broker.subscribers(apple()), 0);
    fixture.manager.disconnect().await;
}

/// What a connection of [`ScriptedBroker`] does.
#[derive(Clone, Copy, PartialEq)]
enum Script {
    /// It confirms, and is lost in the same moment.
    ConfirmAndBreak,
    /// It never answers a command.
    NeverAnswer,
    /// It confirms and delivers nothing, as a proxy in between may do.
    DeliverNothing,
}

/// Its first connection follows the first script, all others the second.
struct ScriptedBroker {
    scripts: [Script; 2],
    connections: Arc<AtomicUsize>,
}

struct ScriptedConnection(Script, Arc<Events>);

impl Broker for ScriptedBroker {
    type Connection = ScriptedConnection;

    async fn connect(&self, events: Arc<Events>) -> Result<ScriptedConnection, BrokerError> {
        let made = self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(ScriptedConnection(self.scripts[made.min(1)], events))
    }
}

impl BrokerConnection for ScriptedConnection {
    async fn subscribe(&self, _: &[Stock]) -> Result<(), BrokerError> {
        match self.0 {
            Script::NeverAnswer => pending().await,
            Script::ConfirmAndBreak => self.1.lost("it broke"),
            Script::DeliverNothing => {}
        }
        Ok(())
    }

    async fn unsubscribe(&self, _: &[Stock]) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        pending().await
    }
}

/// A manager with one user of one stock over such a broker, and how many connections were made.
fn scripted(
    scripts: [Script; 2],
) -> (Arc<PubSubManager>, Connection<TestClient>, Arc<AtomicUsize>) {
    let connections = Arc::default();
    let broker = ScriptedBroker {
        scripts,
        connections: Arc::clone(&connections),
    };
    let manager = PubSubManager::with_broker(broker, Options::default(), Handle::current());
    let user = manager.connect(UserId(1), TestClient::default()).unwrap();
    manager.user_subscribe(&user, apple()).unwrap();
    (manager, user, connections)
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_connection_confirmed_says_nothing_of_the_next() {
    let (manager, _user, connections) = scripted([Script::ConfirmAndBreak, Script::NeverAnswer]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    assert_eq!(manager.stats().channels_confirmed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_confirms_and_delivers_nothing_never_makes_the_feed_live() {
    let (manager, user, connections) = scripted([Script::DeliverNothing; 2]);
    sleep(Duration::from_secs(60)).await;
    let was_live = |received: &Received| {
        matches!(
            received,
            Received::Status {
                feed: Feed::Live,
                ..
            }
        )
    };
    assert!(!user.socket().received().iter().any(was_live));
    assert_eq!(manager.stats().feed, Feed::Stale);
    // Each attempt takes the four seconds of the probe, and the pause after it.
    let made = connections.load(Ordering::Relaxed);
    assert!((10..=15).contains(&made), "{made} connections in a minute");
}

#[tokio::test(start_paused = true)]
async fn after_a_message_that_is_not_a_price_the_stock_is_stale_once_until_its_next_price() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    fixture.publish(1);
    moment().await;
    for _ in 0..3 {
        fixture.broker.publish_unchecked(apple(), b"one and a half");
        moment().await;
    }
    let stock = || Some(String::from("APPL"));
    let stale = Received::Status {
        feed: Feed::Stale,
        stock: stock(),
    };
    let live = Received::Status {
        feed: Feed::Live,
        stock: stock(),
    };
    assert_eq!(client.received()[2..], [price(1, 0), stale.clone()]);
    let (_late, joined) = fixture.user(2).await;
    assert_eq!(
        joined.received().last(),
        Some(&stale),
        "the last price is called old"
    );
    fixture.publish(2);
    moment().await;
    // `missed` counts prices, and nothing else was missed.
    let mut after = client.received()[4..].to_vec();
    after.sort_by_key(|received| matches!(received, Received::Price { .. }));
    assert_eq!(after, [live, price(2, 0)]);
}
