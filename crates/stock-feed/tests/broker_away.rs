//! What users and the figures say while the Redis is away, or refuses a channel.

mod support;

use harness::{RedisServer, until};
use serde_json::json;
use support::client::{Client, get, stats};
use support::fleet::Server;

#[test]
fn users_are_sent_stale_and_then_live() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let url = redis.url();
    let server = Server::start(&["--redis", &url, "--unhealthy-after", "2s"]);
    let healthy = || get(server.address, "/healthz");
    until("the server is live", || healthy().body == "live\n");
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);

    redis.kill_9();
    assert_eq!(user.json(), json!({"type": "status", "feed": "stale"}));
    assert_eq!(stats(server.address)["feed"], "stale");
    let mut late = Client::silent(server.address);
    assert_eq!(
        late.json(),
        json!({"type": "status", "feed": "stale"}),
        "a new user is sent it as well"
    );
    until(
        "a short outage moves no users about, a long one does",
        || {
            let health = healthy();
            match health.status {
                200 => assert!(health.body.starts_with("stale for "), "{}", health.body),
                _ => assert!(
                    health.body.starts_with("the broker has been away for"),
                    "{}",
                    health.body
                ),
            }
            health.status == 503
        },
    );

    redis.restart();
    assert_eq!(user.json(), json!({"type": "status", "feed": "live"}));
    until("the server is well again", || healthy().status == 200);
    redis.publish("APPL", "1");
    assert_eq!(user.json()["price"], "1", "no subscription was lost");
}

#[test]
fn a_refused_channel_is_stale_for_its_users_and_for_no_others() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.run::<()>(&[
        "ACL",
        "SETUSER",
        "default",
        "resetchannels",
        "&APPL",
        "&probe.*",
    ]);
    let server = Server::start(&["--redis", &redis.url()]);
    until("the server is live", || {
        get(server.address, "/healthz").body == "live\n"
    });
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    user.subscribe("SECRET");
    assert_eq!(user.json()["type"], "subscribed");
    assert_eq!(
        user.json(),
        json!({"type": "status", "feed": "stale", "stock": "SECRET"})
    );
    redis.publish("APPL", "2");
    assert_eq!(user.json()["price"], "2");
    until("the page lists the refusal", || {
        stats(server.address)["events"]
            .to_string()
            .contains(r#""stock":"SECRET","what":"refused""#)
    });
}
