//! Faults of a broker, and of a caller's code, in a whole manager. The promises of the hub alone are
//! tested in the crate `hub`.

use super::{
    test_broker::TestBroker,
    test_client::{Received, TestClient},
};
use crate::{
    Connection, Disconnected, Encode, Feed, FeedMessage, HubOptions, JsonLines, Options, Pace,
    PubSubManager, Socket, Stock, UserId,
    broker::{Broker, BrokerConnection, BrokerError, Events},
};
use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
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

    /// A user that is subscribed to APPL, whose channel is confirmed.
    async fn user(&self, id: u64) -> (Connection<TestClient>, TestClient) {
        let client = TestClient::default();
        let connection = self.subscribed(id, client.clone(), apple());
        moment().await;
        (connection, client)
    }

    fn subscribed<O: Socket>(&self, id: u64, socket: O, stock: Stock) -> Connection<O> {
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

/// Lets what is ready happen. The clock is paused: it moves on only when no task has work.
async fn moment() {
    sleep(Duration::from_millis(10)).await;
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
        "a page that is reloaded is back by now"
    );
    sleep(Duration::from_millis(1_200)).await;
    assert_eq!(fixture.broker.subscribers(apple()), 0);
}

/// A final frame that `TestClient` can read.
const BYE: &[u8] = b"{\"type\":\"unsubscribed\",\"stock\":\"BYE\"}\n";

/// A socket that panics when it is written a price.
struct PanickingSocket;

impl Socket for PanickingSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
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

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_managers_task_ends_the_manager_and_each_verb_answers_disconnected() {
    let fixture = Fixture::new().await;
    let (user, _) = fixture.user(1).await;
    let panicking = fixture.subscribed(2, PanickingSocket, apple());
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
    // A user can still be closed, and dropping a connection does no harm.
    user.close(BYE);
    drop(panicking);
    fixture.manager.disconnect().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_users_turn_ends_the_manager_as_well() {
    let fixture = Fixture::new().await;
    let pace = Pace::new(Duration::from_millis(100)).unwrap();
    let user = fixture
        .manager
        .connect_at_pace(UserId(1), PanickingSocket, Some(pace))
        .unwrap();
    fixture.manager.user_subscribe(&user, apple()).unwrap();
    moment().await;
    fixture.publish(1);
    fixture.manager.ended().await;
    assert_eq!(fixture.manager.stats().feed, Feed::Stale);
}

#[tokio::test(start_paused = true)]
async fn disconnect_sends_users_with_a_pace_what_they_lack() {
    let fixture = Fixture::new().await;
    let (client, pace) = (TestClient::default(), Pace::new(Duration::from_secs(60)));
    let user = fixture
        .manager
        .connect_at_pace(UserId(1), client.clone(), Some(pace.unwrap()))
        .unwrap();
    fixture.manager.user_subscribe(&user, apple()).unwrap();
    moment().await;
    fixture.publish(1);
    let since = Instant::now();
    fixture.manager.disconnect().await;
    assert_eq!(client.prices("APPL"), ["1"]);
    assert_eq!(since.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_panics_ends_the_manager() {
    struct PanickingEncoder;
    impl Encode for PanickingEncoder {
        fn encode(&self, message: &FeedMessage<'_>, into: &mut Vec<u8>) {
            assert!(
                !matches!(message, FeedMessage::Price { .. }),
                "a fault of the caller"
            );
            JsonLines.encode(message, into);
        }
    }
    let fixture = Fixture::with(Options {
        hub: HubOptions {
            encoder: Arc::new(PanickingEncoder),
            ..HubOptions::default()
        },
        ..Options::default()
    })
    .await;
    let (_user, _) = fixture.user(1).await;
    fixture.publish(12);
    fixture.manager.ended().await;
}

#[test]
fn after_the_end_of_the_runtime_the_verbs_answer_disconnected() {
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
fn without_a_runtime_the_manager_does_not_start_and_the_error_says_what_to_do() {
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

/// Its first connection plays the first script, all others the second.
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
async fn what_a_lost_connection_confirmed_is_not_confirmed_on_the_next() {
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
async fn a_user_that_subscribes_while_an_unsubscribe_is_unanswered_is_sent_stale_within_a_second() {
    let fixture = Fixture::new().await;
    let (first, _) = fixture.user(1).await;
    drop(first);
    // The server unsubscribes a second after its last user, and is answered three seconds later.
    fixture.broker.delay(Duration::from_secs(3));
    sleep(Duration::from_millis(1_100)).await;
    let (_late, client) = fixture.user(2).await;
    sleep(Duration::from_secs(1)).await;
    let status = |feed| Received::Status {
        feed,
        stock: Some("APPL".into()),
    };
    assert_eq!(client.received().last(), Some(&status(Feed::Stale)));
    fixture.broker.delay(Duration::ZERO);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(client.received().last(), Some(&status(Feed::Live)));
}
