//! Users that asked for a pace: one write an interval, with the newest price of each stock and how many
//! were missed; spread over the interval; and everything that is not a price at once.

#[allow(dead_code, reason = "delivery.rs uses the rest of it")]
mod support;

use hub::{Connection, Feed, Hub, Pace, PriceAges, Socket, Stock, UserId};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use support::{
    live_hub, moment,
    test_client::{Received, TestClient},
};
use tokio::time::{Instant, sleep, sleep_until};

const SECOND: Duration = Duration::from_secs(1);

/// How late a turn may be: it begins with a tick of 2 ms, and tokio's timers count milliseconds.
const TICK: Duration = Duration::from_millis(4);

/// A client that also notes when it was offered prices, and how many in one write.
#[derive(Clone, Default)]
struct Timed {
    client: TestClient,
    writes: Arc<Mutex<Vec<(Instant, usize)>>>,
}

impl Socket for Timed {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(bytes).expect("messages are JSON");
        let prices = text.matches(r#""type":"price""#).count();
        if prices > 0 && !text.contains("subscribed") {
            self.writes.lock().push((Instant::now(), prices));
        }
        self.client.try_write(bytes)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.client.poll_ready(cx)
    }

    fn shutdown(&self) {
        self.client.shutdown();
    }

    fn close(&self) {
        self.client.close();
    }
}

/// A hub that is live, and its fan-out. The test is the manager.
struct Fixture {
    hub: Arc<Hub>,
}

impl Fixture {
    async fn new() -> Self {
        let hub = live_hub().await;
        Self { hub }
    }

    /// A user with a pace of a second that is subscribed to these stocks.
    fn paced(&self, id: u64, stocks: &[Stock]) -> (Connection<Timed>, Timed) {
        let socket = Timed::default();
        let pace = Pace::new(SECOND).expect("it is within the bounds");
        let user = self
            .hub
            .connect_at_pace(UserId(id), socket.clone(), Some(pace))
            .expect("the hub is open");
        for stock in stocks {
            let subscribed = self.hub.subscribe(&user, *stock);
            subscribed.expect("the hub is open, and there are few stocks");
        }
        (user, socket)
    }

    fn publish(&self, stock: Stock, price: u64) {
        let price = price.to_string().parse().expect("it is a number");
        self.hub.price(stock, price);
    }
}

fn stock(name: &str) -> Stock {
    name.parse().expect("it is a name")
}

fn apple() -> Stock {
    stock("APPL")
}

fn price(price: u64, missed: u64, last: bool) -> Received {
    let (stock, price) = ("APPL".into(), price.to_string());
    Received::Price {
        stock,
        price,
        last,
        missed,
    }
}

/// Waits until the user is offered prices.
async fn until_a_turn(user: &Timed) {
    let before = user.writes.lock().len();
    while user.writes.lock().len() == before {
        moment().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_write_an_interval_has_the_newest_price_of_each_of_twenty_stocks_and_what_was_missed() {
    let fixture = Fixture::new().await;
    let stocks: Vec<Stock> = (0..20).map(|n| stock(&format!("S{n}"))).collect();
    let (_user, paced) = fixture.paced(1, &stocks);
    let (first, last) = (1, 200);
    for number in first..=last {
        for stock in &stocks {
            fixture.publish(*stock, number);
        }
        sleep(Duration::from_millis(50)).await;
    }
    sleep(SECOND + TICK).await;
    let writes = paced.writes.lock().clone();
    assert!((10..=12).contains(&writes.len()), "{writes:?}");
    assert!(writes.iter().all(|(_, prices)| *prices == 20), "{writes:?}");
    for pair in writes.windows(2) {
        let apart = pair[1].0 - pair[0].0;
        assert!(
            apart + TICK >= SECOND && apart <= SECOND + TICK,
            "{apart:?}"
        );
    }
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for received in paced.client.received() {
        if let Received::Price {
            stock,
            price,
            missed,
            ..
        } = received
        {
            let newest = seen.entry(stock).or_default();
            let price: u64 = price.parse().unwrap();
            assert_eq!(price, *newest + 1 + missed, "each price is sent or counted");
            *newest = price;
        }
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.values().all(|newest| *newest == last), "{seen:?}");
    let stats = fixture.hub.stats();
    assert_eq!(stats.deliveries + stats.missed, 20 * last);
    assert_eq!(stats.deliveries, 20 * writes.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn only_the_stocks_that_changed_are_sent_and_without_a_change_nothing_is() {
    let fixture = Fixture::new().await;
    let (_user, paced) = fixture.paced(1, &[apple(), stock("CALM")]);
    fixture.publish(apple(), 1);
    until_a_turn(&paced).await;
    assert_eq!(paced.client.received().last(), Some(&price(1, 0, false)));
    sleep(5 * SECOND).await;
    assert_eq!(paced.writes.lock().len(), 1);
    assert!(paced.client.prices("CALM").is_empty());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_users_that_connect_in_one_instant_are_sent_prices_all_over_the_interval() {
    let fixture = Fixture::new().await;
    let users: Vec<_> = (0..10_000)
        .map(|id| fixture.paced(id, &[apple()]))
        .collect();
    moment().await;
    let since = Instant::now();
    fixture.publish(apple(), 1);
    sleep(SECOND + TICK).await;
    let mut parts = [0; 50];
    for (_, user) in &users {
        let writes = user.writes.lock();
        assert_eq!(writes.len(), 1);
        let after = (writes[0].0 - since).min(SECOND - Duration::from_millis(1));
        parts[usize::try_from(after.as_millis()).unwrap() * 50 / 1_000] += 1;
    }
    assert!(
        parts.iter().all(|part| *part <= 2 * 10_000 / 50),
        "{parts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_without_a_pace_is_sent_each_price_beside_a_thousand_that_have_one() {
    let fixture = Fixture::new().await;
    let _paced: Vec<_> = (0..1_000).map(|id| fixture.paced(id, &[apple()])).collect();
    let client = TestClient::default();
    let user = fixture.hub.connect(UserId(1_000), client.clone()).unwrap();
    fixture.hub.subscribe(&user, apple()).unwrap();
    for number in 1..=10 {
        fixture.publish(apple(), number);
        moment().await;
        assert_eq!(client.received().last(), Some(&price(number, 0, false)));
    }
    assert_eq!(fixture.hub.stats().stocks[0].users, 1_001);
}

#[tokio::test(start_paused = true)]
async fn the_last_price_comes_with_subscribed_and_the_next_one_says_what_was_missed_since() {
    let fixture = Fixture::new().await;
    let (_early, _) = fixture.paced(1, &[apple()]);
    (1..=3).for_each(|number| fixture.publish(apple(), number));
    moment().await;
    let (_late, late) = fixture.paced(2, &[apple()]);
    let subscribed = Received::Subscribed("APPL".into());
    assert_eq!(late.client.received()[1..], [subscribed, price(3, 0, true)]);
    (4..=6).for_each(|number| fixture.publish(apple(), number));
    until_a_turn(&late).await;
    assert_eq!(late.client.received()[3..], [price(6, 2, false)]);
    sleep(SECOND).await;
    assert_eq!(fixture.hub.stats().missed, 2 + 5);
}

#[tokio::test(start_paused = true)]
async fn a_stored_price_that_is_read_later_does_not_wait_for_the_users_turn() {
    let fixture = Fixture::new().await;
    let (_user, paced) = fixture.paced(1, &[apple()]);
    fixture.hub.stored_price(apple(), "1".parse().unwrap());
    moment().await;
    assert_eq!(paced.client.received()[2..], [price(1, 0, true)]);
    fixture.publish(apple(), 2);
    sleep(SECOND + TICK).await;
    assert_eq!(paced.client.received()[3..], [price(2, 0, false)]);
    assert_eq!(fixture.hub.stats().deliveries, 1);
}

#[tokio::test(start_paused = true)]
async fn each_stock_that_a_turn_sends_is_counted_with_the_age_of_its_newest_price() {
    let fixture = Fixture::new().await;
    let old = stock("OLD");
    let (_user, paced) = fixture.paced(1, &[apple(), old, stock("CALM")]);
    fixture.publish(apple(), 1);
    fixture.publish(old, 1);
    fixture.publish(stock("CALM"), 1);
    until_a_turn(&paced).await;
    let before = fixture.hub.stats();
    let turn = paced.writes.lock()[0].0;
    let after = |milliseconds| turn + Duration::from_millis(milliseconds);
    sleep_until(after(100)).await;
    fixture.publish(apple(), 2);
    fixture.publish(old, 2);
    sleep_until(after(700)).await;
    fixture.publish(apple(), 3);
    sleep_until(after(900)).await;
    assert_eq!(
        fixture.hub.stats().price_ages,
        before.price_ages,
        "nothing is sent yet"
    );
    until_a_turn(&paced).await;
    // At 1 s the newest price of APPL is 300 ms old and that of OLD 900 ms; CALM has not changed.
    let now = fixture.hub.stats();
    let counts = now.price_ages.counts.iter().zip(before.price_ages.counts);
    let counts: Vec<u64> = counts.map(|(now, before)| now - before).collect();
    let expected = PriceAges::BOUNDS.map(|bound| u64::from(bound == SECOND || bound == SECOND / 2));
    assert_eq!(counts[..counts.len() - 1], expected);
    let sum = now.price_ages.sum - before.price_ages.sum;
    let exact = Duration::from_millis(300 + 900);
    assert!(sum.abs_diff(exact) <= 2 * TICK, "{sum:?}");
    assert_eq!(now.deliveries - before.deliveries, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_user_missed_is_counted_from_zero_when_it_subscribes_again() {
    let fixture = Fixture::new().await;
    let (_other, _) = fixture.paced(1, &[apple()]);
    let (user, paced) = fixture.paced(2, &[apple()]);
    fixture.publish(apple(), 1);
    until_a_turn(&paced).await;
    (2..=4).for_each(|number| fixture.publish(apple(), number));
    moment().await;
    fixture.hub.unsubscribe(&user, &apple()).unwrap();
    (5..=6).for_each(|number| fixture.publish(apple(), number));
    sleep(2 * SECOND).await;
    assert_eq!(
        paced.client.prices("APPL"),
        ["1"],
        "no price after unsubscribed"
    );
    fixture.hub.subscribe(&user, apple()).unwrap();
    fixture.publish(apple(), 7);
    sleep(SECOND + TICK).await;
    assert_eq!(
        paced.client.received()[3..],
        [
            Received::Unsubscribed("APPL".into()),
            Received::Subscribed("APPL".into()),
            price(6, 0, true),
            price(7, 0, false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn statuses_and_replies_do_not_wait_for_the_users_turn() {
    let fixture = Fixture::new().await;
    let (user, paced) = fixture.paced(1, &[apple()]);
    fixture.publish(apple(), 1);
    until_a_turn(&paced).await;
    let status = |feed, stock: Option<&str>| Received::Status {
        feed,
        stock: stock.map(str::to_owned),
    };
    let error = "one and a half".parse::<hub::Price>().unwrap_err();
    fixture.hub.invalid(apple(), &error);
    moment().await;
    fixture.hub.go_stale("the broker is down");
    moment().await;
    fixture.hub.unsubscribe(&user, &apple()).unwrap();
    assert_eq!(
        paced.client.received()[3..],
        [
            status(Feed::Stale, Some("APPL")),
            status(Feed::Stale, None),
            Received::Unsubscribed("APPL".into()),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_socket_is_full_is_sent_no_second_group_in_its_interval_and_keeps_the_newest()
{
    let fixture = Fixture::new().await;
    let (_user, paced) = fixture.paced(1, &[apple(), stock("CALM")]);
    fixture.publish(apple(), 1);
    until_a_turn(&paced).await;
    // The first of two messages is cut.
    paced.client.take_only(10);
    (2..=3).for_each(|number| fixture.publish(apple(), number));
    fixture.publish(stock("CALM"), 1);
    until_a_turn(&paced).await;
    assert_eq!(fixture.hub.stats().users_lagging, 1);
    (4..=5).for_each(|number| fixture.publish(apple(), number));
    paced.client.take_all();
    moment().await;
    // The message that was cut is finished, and nothing more comes until the next turn.
    assert_eq!(paced.client.received()[4..], [price(3, 1, false)]);
    assert_eq!(fixture.hub.stats().users_lagging, 0);
    until_a_turn(&paced).await;
    let writes = paced.writes.lock().clone();
    assert!(writes[2].0 - writes[1].0 + TICK >= SECOND, "{writes:?}");
    assert_eq!(paced.client.prices("APPL"), ["1", "3", "5"]);
    assert_eq!(paced.client.prices("CALM"), ["1"]);
    let stats = fixture.hub.stats();
    assert_eq!((stats.deliveries, stats.missed), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_user_that_lags_through_several_turns_is_sent_the_newest_once_and_what_it_missed() {
    let fixture = Fixture::new().await;
    let (_user, paced) = fixture.paced(1, &[apple()]);
    paced.client.take_only(10);
    fixture.publish(apple(), 1);
    sleep(SECOND + TICK).await;
    for number in 2..=5 {
        fixture.publish(apple(), number);
        sleep(SECOND).await;
    }
    paced.client.take_all();
    sleep(SECOND + TICK).await;
    assert_eq!(
        paced.client.received()[2..],
        [price(1, 0, false), price(5, 3, false)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_pace_that_reads_nothing_by_the_deadline_is_evicted() {
    let fixture = Fixture::new().await;
    let (_user, paced) = fixture.paced(1, &[apple()]);
    paced.client.take_only(0);
    fixture.publish(apple(), 1);
    sleep(12 * SECOND).await;
    assert!(paced.client.is_closed());
    let stats = fixture.hub.stats();
    assert_eq!((stats.evicted, stats.users_lagging), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_ends_sends_users_what_they_lack_without_waiting_for_their_turns() {
    let fixture = Fixture::new().await;
    let (_user, paced) = fixture.paced(1, &[apple()]);
    let (_slow, slow) = fixture.paced(2, &[apple()]);
    slow.client.take_only(10);
    fixture.publish(apple(), 1);
    sleep(SECOND + TICK).await;
    assert_eq!(fixture.hub.stats().users_lagging, 1);
    fixture.publish(apple(), 2);
    moment().await;
    fixture.hub.close();
    fixture.hub.flush().await;
    assert_eq!(paced.client.prices("APPL"), ["1", "2"]);
    slow.client.take_all();
    fixture.hub.drained().await;
    assert_eq!(slow.client.prices("APPL"), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_user_of_a_stock_marks_it_as_dirty_with_a_pace_or_without() {
    let fixture = Fixture::new().await;
    let (paced, socket) = fixture.paced(1, &[apple()]);
    assert_eq!(fixture.hub.dirty().take().len(), 1);
    let user = fixture.hub.connect(UserId(2), TestClient::default());
    let user = user.unwrap();
    fixture.hub.subscribe(&user, apple()).unwrap();
    drop(paced);
    // Its turn, which is still to come, keeps no handle to its socket: that would be a descriptor.
    assert_eq!(Arc::strong_count(&socket.writes), 1);
    assert!(fixture.hub.is_wanted(&apple()) && fixture.hub.dirty().peek().is_empty());
    drop(user);
    assert_eq!(fixture.hub.dirty().peek(), [apple()]);
    assert!(!fixture.hub.is_wanted(&apple()));
    fixture.publish(apple(), 1);
    sleep(SECOND + TICK).await;
    assert!(socket.client.prices("APPL").is_empty());
}
