//! Lesson 11: each fault of the first manager that needs nothing but a user and a stock. Every
//! test asserts the *wrong* answer and says why it is wrong; `pubsub-manager` asserts the right
//! one. The tests share the process's one manager, so each has users and stocks of its own.

use naive_pubsub::{PubSubManager, redis, users};
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// One runtime for all tests: the manager's connection lives on the one that was current when
/// the manager was made, and a `#[tokio::test]` would take its own away at its end.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime needs only a few files")
});

/// The process's manager, connected. The manager itself does not wait for it.
fn connected_manager() -> &'static PubSubManager {
    RUNTIME.block_on(async {
        let manager = PubSubManager::instance();
        redis::connected().await;
        manager
    })
}

#[test]
fn the_manager_relays_a_price_to_its_user_when_nothing_goes_wrong() {
    let manager = connected_manager();
    manager.user_subscribe("asha", "APPL");
    assert_eq!(redis::publish("APPL", "100.1"), 1);
    assert_eq!(users::sent_to("asha", "APPL"), ["100.1"]);
}

#[test]
fn a_user_that_subscribes_after_a_price_does_not_get_it() {
    let manager = connected_manager();
    assert_eq!(
        redis::publish("TSLA", "250"),
        0,
        "no server is subscribed yet"
    );
    manager.user_subscribe("ben", "TSLA");
    // Not a fault: this is what pub/sub is. A queue would have kept 250 for ben.
    assert!(users::sent_to("ben", "TSLA").is_empty());
}

#[test]
fn a_user_who_subscribes_twice_is_sent_every_price_twice() {
    let manager = connected_manager();
    manager.user_subscribe("cleo", "GOOG");
    manager.user_subscribe("cleo", "GOOG");
    redis::publish("GOOG", "180.5");
    // Wrong: a list remembers how often cleo asked; a set would remember that she did.
    assert_eq!(users::sent_to("cleo", "GOOG"), ["180.5", "180.5"]);
}

#[test]
fn a_message_that_is_not_a_price_is_relayed_to_the_users() {
    let manager = connected_manager();
    manager.user_subscribe("finn", "IBM");
    redis::publish("IBM", "<b>free</b>");
    // Wrong: the publisher writes into finn's page, and nothing in between checks it.
    assert_eq!(users::sent_to("finn", "IBM"), ["<b>free</b>"]);
}

#[test]
fn unsubscribing_twice_sends_two_unsubscribes() {
    let manager = connected_manager();
    manager.user_subscribe("dora", "META");
    manager.user_unsubscribe("dora", "META");
    manager.user_unsubscribe("dora", "META");
    // Wrong: the list was empty already, so the second call did not remove the last user.
    let sent = redis::commands("META");
    assert_eq!(
        sent,
        ["SUBSCRIBE META", "UNSUBSCRIBE META", "UNSUBSCRIBE META"]
    );
}

#[test]
fn a_stock_without_users_is_never_removed_from_the_map() {
    let manager = connected_manager();
    manager.user_subscribe("ben", "ORCL");
    manager.user_unsubscribe("ben", "ORCL");
    assert_eq!(redis::numsub("ORCL"), 0, "Redis has forgotten the stock");
    // Wrong: the manager has not. A user who types a million names adds a million entries.
    assert_eq!(manager.subscriptions().get("ORCL"), Some(&Some(Vec::new())));
}

#[test]
fn a_stock_that_is_unsubscribed_without_users_is_undefined_and_cannot_be_subscribed_again() {
    let manager = connected_manager();
    manager.user_unsubscribe("gita", "NFLX");
    assert_eq!(
        manager.subscriptions().get("NFLX"),
        Some(&None),
        "the key is there, the list not"
    );
    manager.user_subscribe("evan", "NFLX");
    // Wrong: one unsubscribe makes the stock useless for all users until the process ends.
    assert_eq!(manager.subscriptions().get("NFLX"), Some(&None));
    assert_eq!(redis::publish("NFLX", "600"), 0);
    assert!(users::sent_to("evan", "NFLX").is_empty());
}

#[test]
fn unsubscribing_costs_a_scan_of_all_users_of_the_stock() {
    let manager = connected_manager();
    for n in 0..1_000 {
        manager.user_subscribe(&format!("u{n}"), "MSFT");
    }
    // Wrong: a thousand users who close their pages cost half a million comparisons, and a million users
    // half a million million. The cost should depend on what the one user had.
    let looked_at: usize = (0..1_000)
        .map(|n| manager.user_unsubscribe(&format!("u{n}"), "MSFT"))
        .sum();
    assert_eq!(looked_at, 500_500);
}
