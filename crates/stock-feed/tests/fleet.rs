//! Many servers behind one Redis: what one cannot show. And what happens when one is killed.
#![cfg(unix)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use harness::{Process, RedisCluster, RedisServer, until};
use serde_json::json;
use support::client::{Client, get, stats};
use support::fleet::{Server, program};

#[test]
fn one_message_reaches_the_users_of_every_server() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let servers = [Server::behind(&redis, &[]), Server::behind(&redis, &[])];
    let mut users: Vec<Client> = servers
        .iter()
        .flat_map(|server| [server; 2])
        .map(|server| Client::connect(server.address))
        .collect();
    for user in &mut users {
        user.subscribe_acknowledged("APPL");
    }
    redis.until_subscribed("APPL", 2);
    assert_eq!(
        redis.publish("APPL", "100.1"),
        2,
        "two servers hear it, not four users"
    );
    for user in &mut users {
        assert_eq!(
            user.text(),
            r#"{"type":"price","stock":"APPL","price":"100.1"}"#
        );
    }
}

#[test]
fn the_first_user_subscribes_the_server_and_the_last_one_unsubscribes_it() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &[]);
    let mut first = Client::connect(server.address);
    let mut second = Client::connect(server.address);
    redis.until_subscribed("APPL", 0);
    first.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    second.subscribe_acknowledged("APPL");
    first.unsubscribe("APPL");
    first.text();
    redis.publish("APPL", "1");
    assert_eq!(
        second.json()["price"],
        "1",
        "the last user keeps the subscription alive"
    );
    drop(second);
    redis.until_subscribed("APPL", 0);
}

#[test]
fn fleets_with_different_prefixes_share_a_redis_and_no_price() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let red = Server::behind(&redis, &["--channel-prefix", "red:"]);
    let blue = Server::behind(&redis, &["--channel-prefix", "blue:"]);
    let (mut red, mut blue) = (Client::connect(red.address), Client::connect(blue.address));
    red.subscribe_acknowledged("APPL");
    blue.subscribe_acknowledged("APPL");
    redis.until_subscribed("red:APPL", 1);
    redis.until_subscribed("blue:APPL", 1);
    redis.publish("red:APPL", "1");
    redis.publish("blue:APPL", "2");
    assert_eq!(red.json()["price"], "1");
    assert_eq!(blue.json()["price"], "2");
}

#[test]
fn a_redis_that_is_killed_and_restarted_costs_no_subscription() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &["--unhealthy-after", "0s"]);
    let mut user = Client::connect(server.address);
    let stocks: Vec<String> = (0..50).map(|n| format!("S{n}")).collect();
    for stock in &stocks {
        user.subscribe_acknowledged(stock);
    }
    redis.until_subscribed("S49", 1);
    redis.kill_9();
    assert_eq!(user.json(), json!({"type": "status", "feed": "stale"}));
    assert_eq!(get(server.address, "/healthz").status, 503);
    redis.restart();
    assert_eq!(user.json(), json!({"type": "status", "feed": "live"}));
    assert_eq!(get(server.address, "/healthz").status, 200);
    for stock in &stocks {
        assert_eq!(redis.publish(stock, "7"), 1, "{stock} is followed again");
        assert_eq!(
            user.json(),
            json!({"type": "price", "stock": stock, "price": "7"})
        );
    }
}

#[test]
fn users_of_a_killed_server_find_another_and_miss_nothing_that_is_published_then() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut dies = Server::behind(&redis, &[]);
    let stays = Server::behind(&redis, &[]);
    let mut user = Client::connect(dies.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    dies.process.kill();
    redis.until_subscribed("APPL", 0);
    let mut user = Client::connect(stays.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    redis.publish("APPL", "3");
    assert_eq!(user.json()["price"], "3");
}

#[test]
fn the_market_is_published_to_a_redis_only_when_it_is_asked_for() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let quiet = Server::behind(&redis, &[]);
    let mut user = Client::connect(quiet.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    assert_eq!(stats(quiet.address)["messages_in"], 0);
    let _market = Server::behind(&redis, &["--market", "--market-every", "1ms"]);
    assert_eq!(user.json()["stock"], "APPL");
}

#[test]
fn servers_and_publish_use_a_redis_cluster_and_outlive_one_of_its_masters() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    let redis = ["--redis", &cluster.url()];
    let servers = [Server::start(&redis), Server::start(&redis)];
    let mut users = servers.each_ref().map(|server| {
        until("the server is live", || {
            get(server.address, "/healthz").body == "live\n"
        });
        Client::connect(server.address)
    });
    for user in &mut users {
        user.subscribe("APPL");
        assert_eq!(user.json()["type"], "subscribed");
    }
    let both = BTreeMap::from([("APPL".to_owned(), 2)]);
    let names = BTreeSet::from(["APPL".to_owned()]);
    until("both servers are subscribed", || {
        cluster.shard_numsub(&names) == both
    });
    let mut publish = program();
    publish
        .arg("publish")
        .args(redis)
        .args(["--rate", "0", "-"]);
    let mut publish = Process::start(publish.stdin(Stdio::piped()));
    publish.write("APPL,1\n");
    for user in &mut users {
        let received = user.json();
        assert_eq!(received["price"], "1", "{received}");
    }

    let master = cluster.master_of("APPL");
    let lost = [json!([cluster.node(master).address().to_string(), 1])];
    cluster.kill_9(master);
    for user in &mut users {
        for feed in ["stale", "live"] {
            assert_eq!(
                user.json(),
                json!({"type": "status", "stock": "APPL", "feed": feed})
            );
        }
    }
    for server in &servers {
        let stats = stats(server.address);
        let events = stats["events"].as_array().unwrap().iter();
        let losses = events.filter(|event| event["what"] == "lost");
        let losses: Vec<_> = losses
            .map(|event| json!([event["node"], event["channels"]]))
            .collect();
        assert_eq!(losses, lost);
    }
    publish.write("APPL,2\n");
    for user in &mut users {
        assert_eq!(user.json()["price"], "2");
    }
    publish.close_input();
    assert!(publish.wait().success());

    // A server that knows no price reads it from the new master, which has stored it.
    let late = Server::start(&redis);
    until("the server is live", || {
        get(late.address, "/healthz").body == "live\n"
    });
    let mut user = Client::connect(late.address);
    user.subscribe_acknowledged("APPL");
    assert_eq!(
        user.json(),
        json!({"type": "price", "stock": "APPL", "price": "2", "last": true})
    );
}
