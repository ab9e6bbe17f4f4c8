//! The promise to users: at most once, in order, everything while there is no pressure and the
//! newest under pressure; and no user suffers for another.

mod support;

use hub::{Connection, Feed, Hub, HubOptions, Pace, Price, PriceAges, Socket, Stock, UserId};
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
use support::{
    live_hub, moment,
    test_client::{Received, TestClient},
};
use tokio::{runtime::Handle, time::sleep};

/// A hub that is live, and its fan-out. The test is the manager.
struct Fixture {
    hub: Arc<Hub>,
}

impl Fixture {
    async fn new() -> Self {
        let hub = live_hub().await;
        Self { hub }
    }

    /// A user that is subscribed to APPL.
    async fn user(&self, id: u64) -> (Connection<TestClient>, TestClient) {
        let client = TestClient::default();
        let connection = self.subscribed(id, client.clone(), apple());
        moment().await;
        (connection, client)
    }

    fn subscribed<O: Socket>(&self, id: u64, socket: O, stock: Stock) -> Connection<O> {
        let connection = self.hub.connect(UserId(id), socket);
        let connection = connection.expect("the hub is open");
        let subscribed = self.hub.subscribe(&connection, stock);
        subscribed.expect("the hub is open, and it is the user's first stock");
        connection
    }

    fn publish(&self, price: u64) {
        let price = price.to_string().parse().expect("it is a number");
        self.hub.price(apple(), price);
    }
}

fn apple() -> Stock {
    "APPL".parse().expect("it is a name")
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

#[tokio::test(start_paused = true)]
async fn a_user_that_subscribes_later_is_sent_the_last_price_first() {
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

/// A socket that keeps each write by itself.
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
async fn prices_that_wait_together_leave_in_one_write_and_beyond_64_the_oldest_are_missed() {
    let fixture = Fixture::new().await;
    let writes = RecordedWrites::default();
    let _user = fixture.subscribed(1, writes.clone(), apple());
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
    assert_eq!(fixture.hub.stats().users_lagging, 1);
    client.take_all();
    moment().await;
    // The first was begun, so it is finished; 2 and 3 were not, and are skipped.
    assert_eq!(client.received()[2..], [price(1, 0), price(4, 2)]);
    fixture.publish(5);
    moment().await;
    assert_eq!(client.received().last(), Some(&price(5, 0)));
    assert_eq!(fixture.hub.stats().users_lagging, 0);
    assert_eq!(fixture.hub.stats().missed, 2);
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
async fn a_user_that_subscribes_in_the_middle_of_a_fan_out_gets_the_price_once() {
    let fixture = Fixture::new().await;
    let mut users: Vec<_> = (0..300)
        .map(|id| fixture.subscribed(id, TestClient::default(), apple()))
        .collect();
    moment().await;
    // By hand, so that the fan-out stands still between two slices.
    fixture.publish(1);
    assert!(fixture.hub.run_slice() > 0);
    let client = TestClient::default();
    let _new = fixture.subscribed(300, client.clone(), apple());
    // The new user, last in the list, moves to the position of one that was still to be sent the price.
    drop(users.remove(0));
    moment().await;
    assert_eq!(
        client.prices("APPL"),
        ["1"],
        "the last price, and not once more as a new one"
    );
    let sent_once = |user: &Connection<TestClient>| user.socket().prices("APPL") == ["1"];
    assert!(
        users.iter().all(sent_once),
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
    fixture.hub.unsubscribe(&user, &apple()).unwrap();
    fixture.publish(2);
    client.take_all();
    moment().await;
    assert_eq!(
        client.received()[2..],
        [price(1, 0), Received::Unsubscribed("APPL".into())]
    );
}

/// A final frame that `TestClient` can read.
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
    fixture.hub.subscribe(&user, apple()).unwrap();
    fixture.publish(1);
    fixture.hub.go_stale("the broker is down");
    moment().await;
    assert_eq!(client.received()[2..], [bye()]);
    let stats = fixture.hub.stats();
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
    fixture.hub.go_stale("the broker is down");
    moment().await;
    assert!(!client.is_shut_down(), "it has not taken the frames yet");
    client.take_all();
    moment().await;
    assert_eq!(client.received()[2..], [price(1, 0), bye()]);
    assert!(client.is_shut_down());
    assert_eq!(fixture.hub.stats().users_lagging, 0);
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
    let stats = fixture.hub.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_user_that_does_not_read_its_replies_is_evicted_at_32_kib() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(0);
    user.send(&[b'x'; 32 * 1024]);
    assert!(!client.is_closed());
    user.send(b"x");
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_user_that_disconnects_while_it_lags_leaks_nothing() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    client.take_only(0);
    fixture.publish(1);
    moment().await;
    assert_eq!(fixture.hub.stats().users_lagging, 1);
    drop(user);
    moment().await;
    let stats = fixture.hub.stats();
    assert_eq!(
        (stats.users_lagging, stats.users, stats.subscriptions),
        (0, 0, 0)
    );
}

/// A socket that takes no price, and panics when its user's task waits for it.
struct PanickingSocket(Arc<AtomicBool>);

impl Socket for PanickingSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let is_price = bytes.starts_with(br#"{"type":"price""#);
        Ok(if is_price { 0 } else { bytes.len() })
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("a fault of the caller")
    }

    fn close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_panics_while_it_catches_up_loses_its_own_user_only() {
    let fixture = Fixture::new().await;
    let closed = Arc::default();
    let socket = PanickingSocket(Arc::clone(&closed));
    let _panicking = fixture.subscribed(1, socket, apple());
    let (_user, client) = fixture.user(2).await;
    fixture.publish(1);
    moment().await;
    fixture.publish(2);
    moment().await;
    assert_eq!(client.prices("APPL"), ["1", "2"]);
    assert!(
        closed.load(Ordering::Relaxed),
        "the caller must end the connection"
    );
    let stats = fixture.hub.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
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
    let _lying = fixture.subscribed(1, LyingSocket, apple());
    sleep(Duration::from_secs(9)).await;
    assert_eq!(fixture.hub.stats().evicted, 0);
    sleep(Duration::from_secs(2)).await;
    let stats = fixture.hub.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
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
    let subscribed = |id, stock| fixture.subscribed(id, Noted(stock, Arc::clone(&order)), stock);
    let _users: Vec<_> = (0..5_000)
        .map(|id| subscribed(id, apple()))
        .chain([subscribed(5_000, calm)])
        .collect();
    moment().await;
    fixture.publish(1);
    fixture.hub.price(calm, "1".parse().unwrap());
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
async fn after_a_message_that_is_not_a_price_the_stock_is_stale_once_until_its_next_price() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    fixture.publish(1);
    moment().await;
    for _ in 0..3 {
        let error = "one and a half".parse::<Price>().unwrap_err();
        fixture.hub.invalid(apple(), &error);
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
    let (_late, late) = fixture.user(2).await;
    assert_eq!(
        late.received().last(),
        Some(&stale),
        "its last price may be old"
    );
    fixture.publish(2);
    moment().await;
    // `missed` counts prices only, and no price was missed.
    let mut after = client.received()[4..].to_vec();
    after.sort_by_key(|received| matches!(received, Received::Price { .. }));
    assert_eq!(after, [live, price(2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn every_user_is_sent_that_the_feed_is_stale_and_that_it_is_live_again() {
    let fixture = Fixture::new().await;
    let users = [fixture.user(1).await, fixture.user(2).await];
    fixture.hub.go_stale("the broker is down");
    moment().await;
    assert!(
        users
            .iter()
            .all(|(_, client)| client.feed() == Some(Feed::Stale))
    );
    fixture.hub.go_live();
    moment().await;
    assert!(
        users
            .iter()
            .all(|(_, client)| client.feed() == Some(Feed::Live))
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_socket_fails_is_evicted_and_no_other() {
    let fixture = Fixture::new().await;
    let (_failing, failing) = fixture.user(1).await;
    let (_user, client) = fixture.user(2).await;
    failing.hang_up();
    fixture.publish(1);
    moment().await;
    assert!(failing.is_closed());
    assert_eq!(client.prices("APPL"), ["1"]);
    assert_eq!(fixture.hub.stats().evicted, 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_user_of_a_stock_and_the_last_mark_it_as_dirty() {
    let fixture = Fixture::new().await;
    let dirty = fixture.hub.dirty();
    let (first, _) = fixture.user(1).await;
    assert_eq!(dirty.peek(), [apple()]);
    dirty.changed().await;
    assert_eq!(dirty.take().len(), 1);
    let (second, _) = fixture.user(2).await;
    drop(first);
    assert!(dirty.peek().is_empty());
    assert!(fixture.hub.is_wanted(&apple()));
    drop(second);
    assert_eq!(dirty.peek(), [apple()]);
    assert!(!fixture.hub.is_wanted(&apple()));
    assert_eq!(fixture.hub.channels_known(), 1);
    fixture.hub.forget(&apple());
    assert_eq!(fixture.hub.channels_known(), 0);
}

fn last_price(price: u64) -> Received {
    let (stock, price) = ("APPL".into(), price.to_string());
    Received::Price {
        stock,
        price,
        last: true,
        missed: 0,
    }
}

fn stored(fixture: &Fixture, price: u64) {
    let price = price.to_string().parse().expect("it is a number");
    fixture.hub.stored_price(apple(), price);
}

#[tokio::test(start_paused = true)]
async fn a_stored_price_is_sent_to_the_users_that_wait_and_to_those_that_subscribe_later() {
    let fixture = Fixture::new().await;
    let (_first, first) = fixture.user(1).await;
    assert!(!fixture.hub.knows_price(&apple()));
    stored(&fixture, 1);
    moment().await;
    assert!(fixture.hub.knows_price(&apple()));
    let (_second, second) = fixture.user(2).await;
    fixture.publish(2);
    moment().await;
    for client in [first, second] {
        assert_eq!(client.received()[2..], [last_price(1), price(2, 0)]);
    }
    assert_eq!(fixture.hub.stats().deliveries, 2, "a last price is none");
}

#[tokio::test(start_paused = true)]
async fn a_stored_price_does_not_count_once_a_price_waits_or_was_relayed() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    fixture.publish(2);
    stored(&fixture, 1);
    moment().await;
    stored(&fixture, 1);
    moment().await;
    assert_eq!(client.received()[2..], [price(2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_price_that_comes_while_the_stored_one_waits_takes_its_place() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    stored(&fixture, 1);
    fixture.publish(2);
    moment().await;
    assert_eq!(client.received()[2..], [price(2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_is_sent_the_stored_price_unless_a_newer_one_came_and_never_missed_it() {
    let fixture = Fixture::new().await;
    let [(slow, behind), (slower, further_behind)] = [fixture.user(1).await, fixture.user(2).await];
    for user in [&slow, &slower] {
        user.socket().take_only(10);
        user.send(b"{\"type\":\"unsubscribed\",\"stock\":\"BYE\"}\n");
    }
    stored(&fixture, 1);
    moment().await;
    behind.take_all();
    moment().await;
    assert_eq!(behind.received()[2..], [bye(), last_price(1)]);
    (2..=4).for_each(|price| fixture.publish(price));
    moment().await;
    further_behind.take_all();
    moment().await;
    // 2 and 3 were skipped; the stored one was published before it subscribed.
    assert_eq!(further_behind.received()[2..], [bye(), price(4, 2)]);
    assert_eq!(fixture.hub.stats().missed, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stored_price_makes_no_stock_live_that_an_invalid_message_made_stale() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    let error = "one and a half".parse::<Price>().unwrap_err();
    fixture.hub.invalid(apple(), &error);
    moment().await;
    stored(&fixture, 1);
    moment().await;
    let stale = Received::Status {
        feed: Feed::Stale,
        stock: Some("APPL".into()),
    };
    assert_eq!(client.received()[2..], [stale, last_price(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stored_value_that_is_not_a_price_is_counted_and_makes_no_stock_stale() {
    let fixture = Fixture::new().await;
    let (_user, client) = fixture.user(1).await;
    let error = "one and a half".parse::<Price>().unwrap_err();
    fixture.hub.invalid_stored_price(apple(), &error);
    moment().await;
    assert_eq!(client.received().len(), 2);
    assert_eq!(fixture.hub.stats().invalid_messages, 1);
}

/// The ages that were counted: the bound of each bucket in milliseconds, and how many prices are in it.
fn ages(hub: &Hub) -> Vec<(u128, u64)> {
    let counts = hub.stats().price_ages.counts;
    let bounds = PriceAges::BOUNDS.iter().map(Duration::as_millis);
    let buckets = bounds.chain([u128::MAX]).zip(counts);
    buckets.filter(|(_, prices)| *prices > 0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_price_that_waits_three_seconds_for_a_slow_user_is_counted_as_that_old() {
    let fixture = Fixture::new().await;
    let (_quick, _) = fixture.user(1).await;
    let (_slow, client) = fixture.user(2).await;
    client.take_only(0);
    fixture.publish(1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(ages(&fixture.hub), [(1, 1)], "that of the quick user");
    client.take_all();
    moment().await;
    assert_eq!(ages(&fixture.hub), [(1, 1), (5_000, 1)]);
    let sum = fixture.hub.stats().price_ages.sum;
    assert_eq!(sum.as_secs(), 3, "{sum:?}");
    // What replaced an old price is as old as it is itself.
    client.take_only(0);
    fixture.publish(2);
    sleep(Duration::from_secs(2)).await;
    fixture.publish(3);
    sleep(Duration::from_millis(400)).await;
    client.take_all();
    moment().await;
    assert_eq!(ages(&fixture.hub), [(1, 3), (500, 1), (5_000, 1)]);
}

#[tokio::test(start_paused = true)]
async fn prices_that_leave_together_are_as_old_as_the_oldest_and_a_dropped_one_is_not_among_them() {
    // Without a task that fans out, so that they wait.
    let hub = Hub::new(HubOptions::default(), Handle::current());
    let user = hub.connect(UserId(1), TestClient::default());
    let user = user.expect("the hub is open");
    hub.subscribe(&user, apple()).expect("it is its first");
    // One with a pace is sent only the newest of them, which has its own age.
    let pace = Pace::new(Pace::LONGEST).ok();
    let paced = hub.connect_at_pace(UserId(2), TestClient::default(), pace);
    let paced = paced.expect("the hub is open");
    hub.subscribe(&paced, apple()).expect("it is its first");
    let publish = |price: u64| hub.price(apple(), price.to_string().parse().unwrap());
    publish(1);
    sleep(Duration::from_millis(200)).await;
    publish(2);
    hub.flush().await;
    assert_eq!(ages(&hub), [(1, 1), (250, 2)]);
    publish(3);
    sleep(Duration::from_secs(20)).await;
    (4..=67).for_each(publish);
    hub.flush().await;
    assert_eq!(ages(&hub), [(1, 1 + 64 + 1), (250, 2)]);
}

#[tokio::test(start_paused = true)]
async fn of_prices_that_a_slow_user_takes_in_part_only_those_that_were_begun_are_counted() {
    let fixture = Fixture::new().await;
    let (user, client) = fixture.user(1).await;
    let other: Stock = "OTHER".parse().expect("it is a name");
    let subscribed = fixture.hub.subscribe(&user, other);
    subscribed.expect("the hub is open, and there are few stocks");
    client.take_only(0);
    fixture.publish(1);
    fixture
        .hub
        .price(other, "1".parse().expect("it is a number"));
    sleep(Duration::from_millis(20)).await;
    client.take_only(10);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(ages(&fixture.hub), [(25, 1)], "the one that is cut");
    client.take_all();
    moment().await;
    assert_eq!(ages(&fixture.hub), [(25, 1), (5_000, 1)]);
    assert_eq!(fixture.hub.stats().deliveries, 2);
}

#[tokio::test(start_paused = true)]
async fn each_delivery_has_an_age() {
    let fixture = Fixture::new().await;
    // Every fifth has a pace.
    let connect = |id: u64| {
        let pace = Pace::new(Pace::SHORTEST)
            .ok()
            .filter(|_| id.is_multiple_of(5));
        let client = TestClient::default();
        let user = fixture.hub.connect_at_pace(UserId(id), client, pace);
        let user = user.expect("the hub is open");
        let subscribed = fixture.hub.subscribe(&user, apple());
        subscribed.expect("the hub is open, and it is the user's first stock");
        user
    };
    let users: Vec<_> = (0..300).map(connect).collect();
    moment().await;
    let total = || {
        let stats = fixture.hub.stats();
        let ages: u64 = stats.price_ages.counts.iter().sum();
        assert_eq!(ages, stats.deliveries);
        ages
    };
    assert_eq!(total(), 0, "a status is not a price");
    let mut price = 0;
    for round in 0..20 {
        for (at, user) in users.iter().enumerate() {
            match (at + round) % 7 {
                0 => user.socket().take_only(at % 90),
                1 => user.socket().take_all(),
                _ => {}
            }
        }
        for _ in 0..round {
            price += 1;
            fixture.publish(price);
        }
        moment().await;
        total();
    }
    for user in &users {
        user.socket().take_all();
    }
    sleep(Pace::SHORTEST + Duration::from_millis(10)).await;
    assert!(total() > 300 * 20, "{}", total());
    let paced = users[0].socket().prices("APPL");
    assert!((2..10).contains(&paced.len()), "{paced:?}");
    assert_eq!(paced.last(), Some(&price.to_string()));
    // The last price that a user is sent when it subscribes is not a delivery.
    let before = total();
    let (_new, _) = fixture.user(300).await;
    assert_eq!(total(), before);
}
