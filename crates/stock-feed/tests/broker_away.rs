//! What users and the figures say while the broker is away, or says no.

mod support;

use std::time::Duration;

use serde_json::json;
use support::client::{Client, get, stats};
use support::house::house_with;
use support::until;

/// How long this file's server calls itself well without its broker.
const GRACE: Duration = Duration::from_secs(2);

#[test]
fn users_are_told_that_prices_are_stale_and_told_again_when_they_are_live() {
    let house = house_with(|options| options.limits.unhealthy_after = GRACE);
    let mut user = Client::connect(house.server);
    user.follow("APPL");
    house.until_followed("APPL");

    house.broker.go_down();
    assert_eq!(user.json(), json!({"type": "status", "feed": "stale"}));
    let health = get(house.server, "/healthz");
    assert_eq!(health.status, 200, "a short outage moves no users about");
    assert!(health.body.starts_with("stale for "), "{}", health.body);
    assert_eq!(stats(house.server)["feed"], "stale");
    let mut late = Client::silent(house.server);
    assert_eq!(
        late.json(),
        json!({"type": "status", "feed": "stale"}),
        "a newcomer is told, too"
    );

    until("the outage has lasted too long", || {
        let health = get(house.server, "/healthz");
        health.status == 503 && health.body.starts_with("the broker has been away for")
    });

    house.broker.come_up();
    assert_eq!(user.json(), json!({"type": "status", "feed": "live"}));
    until("the server is well again", || {
        get(house.server, "/healthz").status == 200
    });
    house.publish("APPL", "1");
    assert_eq!(user.json()["price"], "1", "no subscription was lost");

    house.broker.refuse("SECRET".parse().unwrap());
    user.subscribe("SECRET");
    assert_eq!(user.json()["type"], "subscribed");
    assert_eq!(
        user.json(),
        json!({"type": "status", "feed": "stale", "stock": "SECRET"})
    );
    house.publish("APPL", "2");
    assert_eq!(
        user.json()["price"],
        "2",
        "one refused channel concerns nobody else"
    );
    until("the page lists the refusal", || {
        stats(house.server)["events"]
            .to_string()
            .contains(r#""stock":"SECRET","what":"refused""#)
    });
}
