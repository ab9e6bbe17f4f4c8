//! Real threads on a real clock: users connect and disconnect while prices are sent in slices,
//! connections are cut, and stocks are forgotten. The random stories of `state_machine` cover the orders
//! of events in one thread; this covers those of several.

use super::eventually::{DEADLINE, eventually};
use super::test_broker::TestBroker;
use super::test_client::{Received, TestClient};
use crate::{Connection, Feed, Options, PubSubManager, Stock, UserId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// More than one slice of the fan-out, so that users connect and disconnect between two slices.
const CROWD: u64 = 600;
const THREADS: u64 = 3;
const VISITS: usize = 700;
/// How many users a visiting thread keeps connected; each visit replaces the oldest.
const STAY: usize = 100;
/// The most prices that the crowd gets: it keeps each, and a busy machine takes minutes for the visits.
const CROWDED_PRICES: u64 = 5_000;

// Long because the threads share what is declared at its start, and must end before the check at its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_in_many_threads_leak_nothing_and_cost_no_other_user_a_price() {
    let broker = TestBroker::default();
    let options = Options {
        unsubscribe_delay: Duration::ZERO,
        ..Options::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let manager = PubSubManager::with_broker(broker.clone(), options, runtime);
    let (hot, cold) = (stock("HOT"), stock("COLD"));
    // The visitors subscribe before the crowd: when they disconnect, users of the crowd move to their
    // positions, and the fan-out's walk meets these users a second time.
    let visitors = (0..THREADS).map(|thread| {
        let stay = (0..STAY).map(|_| subscriber(&manager, thread, &[hot]));
        (thread, stay.collect::<VecDeque<_>>())
    });
    let visitors: Vec<_> = visitors.collect();
    let crowd: Vec<_> = (0..CROWD)
        .map(|id| subscriber(&manager, id, &[hot]))
        .collect();

    let open = Arc::new(AtomicBool::new(true));
    let published = Arc::new(AtomicU64::new(0));
    let market = {
        let (open, published, broker) = (Arc::clone(&open), Arc::clone(&published), broker.clone());
        thread::spawn(move || {
            while open.load(Ordering::Relaxed) {
                let number = published.fetch_add(1, Ordering::Relaxed) + 1;
                let price = number.to_string().parse().unwrap();
                broker.publish(cold, price);
                if number <= CROWDED_PRICES {
                    broker.publish(hot, price);
                }
                if number.is_multiple_of(200) {
                    broker.cut_connections();
                }
                thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let visitors = visitors.into_iter().map(|(thread, mut here)| {
        let manager = Arc::clone(&manager);
        thread::spawn(move || {
            for _ in 0..VISITS {
                here.push_back(subscriber(&manager, thread, &[hot]));
                let (connection, client) = here.pop_front().expect("one has just come");
                drop(connection);
                assert_consistent(&client);

                // A stock that is forgotten and subscribed in the same moment must stay subscribed.
                let (connection, client) = subscriber(&manager, thread, &[cold]);
                let until = Instant::now() + DEADLINE;
                while client.prices("COLD").is_empty() {
                    assert!(
                        Instant::now() < until,
                        "a user is subscribed to COLD and is sent no price"
                    );
                    thread::sleep(Duration::from_micros(200));
                }
                manager.user_unsubscribe(&connection, &cold).unwrap();
                assert_consistent(&client);
            }
        })
    });
    let visitors: Vec<_> = visitors.collect();
    tokio::task::spawn_blocking(move || {
        let visits: Vec<_> = visitors.into_iter().map(thread::JoinHandle::join).collect();
        // The market closes even after a failed visit, or the test would not end.
        open.store(false, Ordering::Relaxed);
        market.join().unwrap();
        visits.into_iter().for_each(Result::unwrap);
    })
    .await
    .unwrap();

    eventually("only the crowd's stock is known", || {
        manager.hub.channels_known() == 1
            && broker.channels() == [hot]
            && manager.stats().feed == Feed::Live
    })
    .await;
    let last = (published.load(Ordering::Relaxed) + 1).to_string();
    assert_eq!(broker.publish(hot, last.parse().unwrap()), 1);
    for (_, client) in &crowd {
        eventually("every user of the crowd has the last price", || {
            client.prices("HOT").last() == Some(&last)
        })
        .await;
        assert_consistent(client);
    }
    let stats = manager.stats();
    assert_eq!((stats.users, stats.subscriptions), (CROWD, CROWD));
    drop(crowd);
    eventually("no stock is known", || manager.hub.channels_known() == 0).await;
}

fn subscriber(
    manager: &PubSubManager,
    id: u64,
    stocks: &[Stock],
) -> (Connection<TestClient>, TestClient) {
    let client = TestClient::default();
    let connection = manager.connect(UserId(id), client.clone()).unwrap();
    for stock in stocks {
        manager.user_subscribe(&connection, *stock).unwrap();
    }
    (connection, client)
}

/// Fails if a price came outside of `subscribed` and `unsubscribed`, twice, or out of order.
fn assert_consistent(client: &TestClient) {
    client.with_received(|story| {
        for stock in ["HOT", "COLD"] {
            let mut newest = None;
            for received in story {
                match received {
                    Received::Subscribed(name) if name == stock => newest = Some(0),
                    Received::Unsubscribed(name) if name == stock => newest = None,
                    Received::Price {
                        stock: name, price, ..
                    } if name == stock => {
                        let number: u64 = price.parse().unwrap();
                        assert!(newest.is_some_and(|newest| newest < number), "{story:#?}");
                        newest = Some(number);
                    }
                    _ => {}
                }
            }
        }
    });
}

fn stock(name: &str) -> Stock {
    name.parse().unwrap()
}
