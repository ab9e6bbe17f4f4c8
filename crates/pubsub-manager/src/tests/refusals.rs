//! A broker may refuse a channel, and then it refuses the whole command.

use super::{test_broker::TestBroker, test_client::TestClient};
use crate::{HubOptions, Options, PubSubManager, Stock, UserId};
use std::time::Duration;
use tokio::runtime::Handle;

fn stock(name: &str) -> Stock {
    name.parse().unwrap()
}

/// Takes no time, because the clock is paused.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_other_stocks_of_a_command_with_a_refused_one_are_subscribed() {
    let broker = TestBroker::default();
    let options = Options {
        hub: HubOptions {
            stocks_per_user: 1_000,
            ..HubOptions::default()
        },
        ..Options::default()
    };
    let manager = PubSubManager::with_broker(broker.clone(), options, Handle::current());
    for refused in [3, 400, 401] {
        broker.refuse(stock(&format!("S{refused}")));
    }
    let user = manager.connect(UserId(1), TestClient::default()).unwrap();
    for n in 0..500 {
        manager
            .user_subscribe(&user, stock(&format!("S{n}")))
            .unwrap();
    }
    pass(1).await;
    assert_eq!(broker.channels().len(), 497);
    assert_eq!(manager.stats().channels_confirmed, 497);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_subscribes_again_and_again_to_a_refused_stock_does_not_multiply_the_attempts()
{
    let broker = TestBroker::default();
    broker.refuse(stock("TSLA"));
    let runtime = Handle::current();
    let manager = PubSubManager::with_broker(broker.clone(), Options::default(), runtime);
    let user = manager.connect(UserId(1), TestClient::default()).unwrap();
    for _ in 0..200 {
        manager.user_subscribe(&user, stock("TSLA")).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        manager.user_unsubscribe(&user, &stock("TSLA")).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let attempts = manager.stats().refusals;
    assert!(
        (1..=3).contains(&attempts),
        "{attempts} attempts in two seconds"
    );

    manager.user_subscribe(&user, stock("TSLA")).unwrap();
    pass(300).await;
    // By now the pause between two attempts has grown to its longest.
    let before = manager.stats().refusals;
    pass(300).await;
    let attempts = manager.stats().refusals - before;
    assert!(
        (5..=15).contains(&attempts),
        "{attempts} attempts in five minutes"
    );

    drop(user);
    pass(60).await;
    assert_eq!(
        manager.hub.channels_known(),
        0,
        "no user wants it, so it is forgotten"
    );
}
