//! Many servers behind one Redis: what one cannot show. And what happens when one is killed.
#![cfg(unix)]

mod support;

use serde_json::json;
use support::client::{Client, get, stats};
use support::fleet::{Process, Redis, Server, program};
use support::until;

fn server(redis: &Redis, flags: &[&str]) -> Server {
    let server = Server::start(&[&["--redis", &redis.url()], flags].concat());
    until("the server is linked to Redis", || {
        get(server.address, "/healthz").body == "live\n"
    });
    server
}

#[test]
fn one_message_reaches_the_users_of_every_server() {
    let Some(redis) = Redis::start() else { return };
    let servers = [server(&redis, &[]), server(&redis, &[])];
    let mut users: Vec<Client> = servers
        .iter()
        .flat_map(|server| [server; 2])
        .map(|server| Client::connect(server.address))
        .collect();
    for user in &mut users {
        user.follow("APPL");
    }
    redis.until_followed("APPL", 2);
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
    let Some(redis) = Redis::start() else { return };
    let server = server(&redis, &[]);
    let mut first = Client::connect(server.address);
    let mut second = Client::connect(server.address);
    assert_eq!(redis.subscribers("APPL"), 0);
    first.follow("APPL");
    redis.until_followed("APPL", 1);
    second.follow("APPL");
    first.unsubscribe("APPL");
    first.text();
    redis.publish("APPL", "1");
    assert_eq!(
        second.json()["price"],
        "1",
        "the last user keeps the subscription alive"
    );
    drop(second);
    redis.until_followed("APPL", 0);
}

#[test]
fn fleets_with_different_prefixes_share_a_redis_and_no_price() {
    let Some(redis) = Redis::start() else { return };
    let red = server(&redis, &["--channel-prefix", "red:"]);
    let blue = server(&redis, &["--channel-prefix", "blue:"]);
    let (mut red, mut blue) = (Client::connect(red.address), Client::connect(blue.address));
    red.follow("APPL");
    blue.follow("APPL");
    redis.until_followed("red:APPL", 1);
    redis.until_followed("blue:APPL", 1);
    redis.publish("red:APPL", "1");
    redis.publish("blue:APPL", "2");
    assert_eq!(red.json()["price"], "1");
    assert_eq!(blue.json()["price"], "2");
}

#[test]
fn a_redis_that_is_killed_and_comes_back_costs_time_and_no_subscription() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let server = server(&redis, &["--unhealthy-after", "0s"]);
    let mut user = Client::connect(server.address);
    let stocks: Vec<String> = (0..50).map(|n| format!("S{n}")).collect();
    for stock in &stocks {
        user.follow(stock);
    }
    redis.until_followed("S49", 1);
    redis.kill();
    assert_eq!(user.json(), json!({"type": "status", "feed": "stale"}));
    assert_eq!(get(server.address, "/healthz").status, 503);
    redis.start_again();
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
    let Some(redis) = Redis::start() else { return };
    let mut dies = server(&redis, &[]);
    let stays = server(&redis, &[]);
    let mut user = Client::connect(dies.address);
    user.follow("APPL");
    redis.until_followed("APPL", 1);
    dies.process.kill();
    redis.until_followed("APPL", 0);
    let mut user = Client::connect(stays.address);
    user.follow("APPL");
    redis.until_followed("APPL", 1);
    redis.publish("APPL", "3");
    assert_eq!(user.json()["price"], "3");
}

#[test]
fn the_terminal_client_comes_back_when_its_server_does() {
    let Some(redis) = Redis::start() else { return };
    let mut first = server(&redis, &[]);
    let url = format!("ws://{}", first.address);
    let watch = Process::start(program().args(["watch", &url, "APPL", "GOOG"]));
    redis.until_followed("GOOG", 1);
    redis.publish("APPL", "100.01");
    watch.until_said("APPL          100.01");
    first.process.kill();
    watch.until_said("trying again");
    let _second = Server::start_on(first.address, &["--redis", &redis.url()]);
    redis.until_followed("GOOG", 1);
    redis.publish("APPL", "100.02");
    watch.until_said("APPL  +       100.02");
}

#[test]
fn a_file_of_prices_is_published_and_its_bad_lines_are_named() {
    let Some(redis) = Redis::start() else { return };
    let server = server(&redis, &[]);
    let mut user = Client::connect(server.address);
    user.follow("APPL");
    redis.until_followed("APPL", 1);
    let file = std::env::temp_dir().join(format!("stock-feed-{}.csv", std::process::id()));
    std::fs::write(
        &file,
        "date,symbol,price\n2000-01-01,APPL,25.94\nAPPL,1e3\nAPPL,26.00\n",
    )
    .unwrap();
    let publish = |flags: &[&str]| {
        let mut publish = program();
        publish
            .args(["publish", "--rate", "0", "--redis", &redis.url()])
            .args(flags)
            .arg(&file);
        let output = publish.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = publish(&["--strict"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("line 3: \"1e3\" is not a price") && said.contains("nothing was published"),
        "{said}"
    );
    let (code, said) = publish(&[]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("published 2 prices of 1 stocks") && said.contains("1 bad line"),
        "{said}"
    );
    assert_eq!(
        user.json()["price"],
        "25.94",
        "the strict run had published nothing"
    );
    assert_eq!(user.json()["price"], "26.00");
}

#[test]
fn the_market_is_published_to_a_redis_only_when_it_is_asked_for() {
    let Some(redis) = Redis::start() else { return };
    let quiet = server(&redis, &[]);
    let mut user = Client::connect(quiet.address);
    user.follow("APPL");
    redis.until_followed("APPL", 1);
    assert_eq!(stats(quiet.address)["messages_in"], 0);
    let _market = server(&redis, &["--market", "--market-every", "1ms"]);
    assert_eq!(user.json()["stock"], "APPL");
}
