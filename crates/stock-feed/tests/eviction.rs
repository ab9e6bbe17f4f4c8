//! Users that never read are evicted, and the server goes on for those that do.

mod support;

use std::time::Duration;

use harness::until;
use support::client::{Client, stats};
use support::fixture::fixture_with;

#[test]
fn users_who_never_read_are_evicted_and_one_who_reads_is_served_on() {
    /// More than a user's small buffer and the server's have room for.
    const PRICES: u64 = 10_000;
    let fixture = fixture_with(|options| options.read_time = Duration::from_secs(1));
    let mut reads = Client::connect(fixture.server);
    let never = (0..20).map(|_| Client::with_little_room(fixture.server));
    let mut never: Vec<Client> = never.collect();
    for user in &mut never {
        assert_eq!(user.json()["type"], "status");
    }
    for user in never.iter_mut().chain([&mut reads]) {
        user.subscribe_acknowledged("FLOOD");
    }
    fixture.until_subscribed_to("FLOOD");
    for price in 0..PRICES {
        let price = price.to_string();
        fixture.publish("FLOOD", &price);
        assert_eq!(reads.json()["price"], price);
    }
    until("the users that never read are evicted", || {
        stats(fixture.server)["evicted"] == 20
    });
    until("they are disconnected", || {
        stats(fixture.server)["users"] == 1
    });
    reads.subscribe_acknowledged("STILL-SERVED");
}
