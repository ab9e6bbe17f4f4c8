//! The last price for the first user of a stock, from `stock-feed publish` by a Redis to a server.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::RedisServer;
use serde_json::json;
use std::io::Write;
use std::process::Stdio;
use support::client::Client;
use support::fleet::{Server, program};

/// Publishes lines of STOCK,PRICE by the program, and waits until it has ended.
fn publish(redis: &RedisServer, flags: &[&str], lines: &str) {
    let mut publish = program()
        .args(["publish", "--rate", "0", "--redis", &redis.url()])
        .args(flags)
        .arg("-")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = publish.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    assert!(publish.wait().unwrap().success());
}

#[test]
fn the_first_user_of_a_stock_on_a_server_is_sent_the_last_price_and_then_every_new_one() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    publish(&redis, &["--channel-prefix", "red:"], "APPL,1\nAPPL,2\n");
    let server = Server::behind(&redis, &["--channel-prefix", "red:"]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    assert_eq!(
        user.json(),
        json!({"type": "price", "stock": "APPL", "price": "2", "last": true})
    );
    publish(&redis, &["--channel-prefix", "red:"], "APPL,3\n");
    assert_eq!(
        user.json(),
        json!({"type": "price", "stock": "APPL", "price": "3"})
    );
}

#[test]
fn with_a_time_to_live_of_zero_publish_stores_nothing() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    publish(&redis, &["--last-price-ttl", "0s"], "APPL,1\n");
    assert_eq!(redis.run::<u64>(&["DBSIZE"]), 0);
    publish(&redis, &["--last-price-ttl", "1h"], "APPL,1\n");
    let ttl: u64 = redis.run(&["TTL", "last.{APPL}"]);
    assert!((3_500..=3_600).contains(&ttl), "{ttl} s");
}

#[test]
fn a_server_that_may_not_read_last_prices_logs_it_once_and_relays() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    publish(&redis, &[], "A,1\nB,1\n");
    let server = server_with_rights(&redis, "+subscribe +unsubscribe +publish");
    let mut user = Client::connect(server.address);
    for stock in ["A", "B"] {
        user.subscribe_acknowledged(stock);
        redis.until_subscribed(stock, 1);
    }
    redis.publish("B", "2");
    assert_eq!(
        user.json(),
        json!({"type": "price", "stock": "B", "price": "2"})
    );
    // The price may have come before the answer to the read.
    server.process.until_output("refuses the last prices");
    let log = server.process.output();
    assert_eq!(log.matches("refuses the last prices").count(), 1, "{log}");
    assert!(log.contains("mget"), "{log}");
}

#[test]
fn the_rights_that_the_wire_protocol_names_are_enough() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let page = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../lessons/16-wire-protocol.md"
    ))
    .unwrap();
    let rights = "+subscribe +unsubscribe +publish +mget ~last.*";
    assert!(page.contains(&format!("`{rights}`")));
    publish(&redis, &[], "A,1\n");
    let server = server_with_rights(&redis, rights);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("A");
    assert_eq!(
        user.json(),
        json!({"type": "price", "stock": "A", "price": "1", "last": true})
    );
    let log = server.process.output();
    assert!(!log.contains("refuse"), "{log}");
}

/// A server that logs in as a user with these rights and every channel.
fn server_with_rights(redis: &RedisServer, rights: &str) -> Server {
    let mut acl = vec!["ACL", "SETUSER", "feed", "on", ">secret", "allchannels"];
    acl.extend(rights.split(' '));
    redis.run::<()>(&acl);
    let url = redis.url().replace("redis://", "redis://feed:secret@");
    let server = Server::start(&["--redis", &url]);
    harness::until("the server is linked to Redis", || {
        support::client::get(server.address, "/healthz").body == "live\n"
    });
    server
}
