//! What the rooms ask of a database, asked of a real Postgres.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "the tests of lesson 1 use the rest")]
#[allow(unreachable_pub, reason = "it is another crate's support")]
#[path = "../../stateless-server/tests/support/postgres.rs"]
mod postgres;
mod support;

use std::io::Write;
use std::time::Duration;

use postgres::Postgres;
use serde_json::json;
use support::{NEVER, Place, Visitor};
use tokio::task::JoinSet;

/// Says that a test was skipped, where libtest does not swallow it; where `CI` is set, fails.
fn skipped(why: &str, what_to_do: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}; {what_to_do}");
    writeln!(std::io::stderr(), "SKIPPED: {why}; {what_to_do}").expect("stderr takes a line");
}

#[tokio::test]
async fn two_servers_share_seats_and_moves_and_the_one_that_is_behind_sends_its_players_away() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let place = Place::at(&postgres.url(&postgres.create_database()));
    let look = Duration::from_millis(50);
    // At once, so that both find the tables missing.
    let (one, two) = tokio::join!(place.server(1, NEVER), place.server(2, look));
    let mut white = Visitor::sit(one, "room", "white").await;
    let mut black = Visitor::sit(two, "room", "black").await;
    white.play(1, "e2e4").await;
    assert_eq!(black.closed().await, Some(1012));
    let mut black_again = Visitor::enter(two, "room").await;
    assert_eq!(black_again.whole["moves"], json!(["e2e4"]));
    black_again.join("black", Some(&black.token)).await;
    black_again.play(2, "e7e5").await;
    white.play(3, "g1f3").await;
}

#[tokio::test]
async fn of_a_hundred_who_want_one_seat_at_once_one_gets_it() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let place = Place::at(&postgres.url(&postgres.create_database()));
    let servers = [place.server(1, NEVER).await, place.server(2, NEVER).await];
    let mut joining = JoinSet::new();
    for number in 0..100 {
        let mut visitor = Visitor::enter(servers[number % 2], "crowd").await;
        joining.spawn(async move { visitor.try_to_sit("white").await });
    }
    let seated = joining.join_all().await.into_iter().filter(|sits| *sits);
    assert_eq!(seated.count(), 1);
}
