//! The example of lesson 13b prints what its page says.

#![cfg(feature = "cli")]

#[allow(dead_code, reason = "its main is the example's own")]
#[path = "../examples/last_price.rs"]
mod example;

use harness::RedisServer;
use std::{fs, path::Path};

#[test]
fn two_of_three_orders_lose_a_price_or_send_an_older_one_after_a_newer_one() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut printed = Vec::new();
    example::show(&redis.url(), &mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let lessons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons");
    let page = fs::read_to_string(lessons.join("13b-two-servers.md")).unwrap();
    assert!(
        page.contains(&format!("\n```\n{printed}```\n")),
        "{printed}"
    );
}
