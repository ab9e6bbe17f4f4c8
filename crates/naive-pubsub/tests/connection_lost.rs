//! Lesson 11: the connection to Redis is lost. Alone in its file, because every subscription of the
//! process is lost with it.

use naive_pubsub::{PubSubManager, redis, users};

#[tokio::test]
async fn after_a_lost_connection_nothing_is_subscribed_again_and_users_are_sent_nothing() {
    let manager = PubSubManager::instance();
    redis::connected().await;
    manager.user_subscribe("asha", "APPL");
    assert_eq!(redis::numsub("APPL"), 1);

    redis::restart();
    // Wrong: the manager takes itself for subscribed, because it has sent the command once.
    assert_eq!(
        manager.subscriptions().get("APPL"),
        Some(&Some(vec!["asha".to_owned()]))
    );
    assert_eq!(redis::numsub("APPL"), 0);
    // Wrong again: a second user does not help, because only the first one subscribes the server.
    manager.user_subscribe("ben", "APPL");
    assert_eq!(redis::publish("APPL", "100.3"), 0);
    assert!(users::sent_to("asha", "APPL").is_empty());
}
