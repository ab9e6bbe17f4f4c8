//! Lesson 11: the manager after `disconnect`. Alone in its file, because it ends the one manager.

use naive_pubsub::{PubSubManager, redis, users};

#[tokio::test]
async fn after_disconnect_a_user_is_still_sent_subscribed() {
    let manager = PubSubManager::instance();
    redis::connected().await;
    manager.disconnect();

    manager.user_subscribe("gita", "AMZN");
    // Wrong: the client returned an error, and `let _ =` discarded it.
    assert_eq!(
        manager.subscriptions().get("AMZN"),
        Some(&Some(vec!["gita".to_owned()]))
    );
    assert!(redis::commands("AMZN").is_empty());
    assert_eq!(redis::publish("AMZN", "180"), 0);
    assert!(users::sent_to("gita", "AMZN").is_empty());
}
