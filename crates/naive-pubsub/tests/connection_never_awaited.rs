//! Lesson 11: the manager is used before it is connected. Alone in its file, because only the first use
//! in a process can show it.

use naive_pubsub::{PubSubManager, redis, users};

#[tokio::test]
async fn the_connection_is_never_awaited_so_a_user_is_subscribed_and_misses_a_price() {
    let manager = PubSubManager::instance();
    manager.user_subscribe("asha", "APPL");
    // Wrong: `user_subscribe` has returned, so asha seems to be subscribed, but the SUBSCRIBE waits for a
    // connection that the manager never awaits.
    assert_eq!(redis::publish("APPL", "100"), 0);

    redis::connected().await;
    assert_eq!(redis::publish("APPL", "100.1"), 1);
    assert_eq!(users::sent_to("asha", "APPL"), ["100.1"], "100 is lost");
}
