//! Lesson 11: the link to Redis is lost. Alone in its file, because it takes every subscription
//! of the process with it.

use naive_pubsub::{PubSubManager, redis, users};

#[tokio::test]
async fn after_a_lost_connection_nothing_is_subscribed_again_and_users_are_sent_nothing() {
    let manager = PubSubManager::instance();
    redis::connected().await;
    manager.user_subscribe("asha", "APPL");
    assert_eq!(redis::numsub("APPL"), 1);

    redis::restart();
    // Wrong: the manager believes that it is subscribed, because it once sent the command.
    assert_eq!(
        manager.subscriptions().get("APPL"),
        Some(&Some(vec!["asha".to_owned()]))
    );
    assert_eq!(redis::numsub("APPL"), 0);
    // Wrong again: a second user does not help, for only the first one's arrival subscribes.
    manager.user_subscribe("ben", "APPL");
    assert_eq!(redis::publish("APPL", "100.3"), 0);
    assert!(users::sent_to("asha", "APPL").is_empty());
}
