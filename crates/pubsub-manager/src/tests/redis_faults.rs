//! Faults of a real Redis: in each case no subscription is lost, no user is
//! sent anything twice, and what Redis counts equals what the users want.

use super::eventually::eventually;
use super::server_on_redis::{Market, Server, names, parsed, subscriptions};
use super::test_client::Received;
use crate::Feed;
use harness::RedisServer;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_restarted_in_mid_stream() {
    let Some((mut server, market)) = Server::start_busy().await else {
        return;
    };
    for _ in 0..3 {
        market.goes_on().await;
        server.redis.kill_9();
        server.everyone_is_sent(Feed::Stale).await;
        server.redis.restart();
        server.everyone_is_sent(Feed::Live).await;
    }
    market.goes_on().await;
    server.is_whole(market.close()).await;
    assert!(server.manager.stats().reconnects >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_connect_and_disconnect_while_redis_is_down() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let stocks = names(60);
    server.user(&stocks[..20]);
    server.user(&stocks[10..30]);
    server.settles().await;

    server.redis.kill_9();
    server.everyone_is_sent(Feed::Stale).await;
    server.user(&stocks[40..]);
    let first = server.users.remove(0);
    drop(first.connection);
    server.redis.restart();
    // Stocks of the first user alone are not subscribed again; those of the third are.
    server.is_whole(1).await;
    assert_eq!(server.wanted().len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kills_the_subscribers_connection() {
    let Some((server, market)) = Server::start_busy().await else {
        return;
    };
    for kill in 1..=5 {
        market.goes_on().await;
        let killed: u64 = server.redis.run(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        assert!(killed >= 1, "there was a connection to kill");
        eventually("the manager has connected again", || {
            server.manager.stats().reconnects >= kill
        })
        .await;
        server.settles().await;
    }
    server.is_whole(market.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_freezes_and_its_connection_is_silent_but_open() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let stocks = names(50);
    server.user(&stocks);
    server.settles().await;
    let market = Market::open(&server.redis, &stocks);
    market.goes_on().await;
    let frozen = server.redis.freeze();
    // No connection is closed, so only an unanswered probe shows it.
    server.everyone_is_sent(Feed::Stale).await;
    drop(frozen);
    server.everyone_is_sent(Feed::Live).await;
    market.goes_on().await;
    server.is_whole(market.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_refuses_a_channel_its_users_are_sent_stale() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let acl = [
        "ACL",
        "SETUSER",
        "default",
        "resetchannels",
        "&S*",
        "&probe.*",
    ];
    server.redis.run::<()>(&acl);
    let mut stocks = names(99);
    stocks.push("FORBIDDEN".to_owned());
    let stale = Received::Status {
        feed: Feed::Stale,
        stock: Some("FORBIDDEN".to_owned()),
    };
    let live = Received::Status {
        feed: Feed::Live,
        stock: Some("FORBIDDEN".to_owned()),
    };

    let client = server.user(&stocks).client.clone();
    eventually("the user is sent that one stock is stale", || {
        client.received().contains(&stale)
    })
    .await;
    // Redis refuses a whole command; the other stocks of the command must be subscribed.
    let allowed: BTreeSet<String> = names(99).into_iter().collect();
    eventually("the other stocks are subscribed", || {
        server.redis.channels() == allowed
    })
    .await;
    assert!(server.manager.stats().refusals >= 1);
    let about_one =
        |received: &Received| matches!(received, Received::Status { stock: Some(_), .. });
    assert_eq!(
        client
            .received()
            .into_iter()
            .filter(about_one)
            .collect::<Vec<_>>(),
        [stale]
    );

    server
        .redis
        .run::<()>(&["ACL", "SETUSER", "default", "allchannels"]);
    eventually("the user is sent that it is live", || {
        client.received().last() == Some(&live)
    })
    .await;
    server.is_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_connection_is_noticed_even_if_redis_refuses_the_probe() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    server
        .redis
        .run::<()>(&["ACL", "SETUSER", "default", "resetchannels", "&S*"]);
    eventually(
        "Redis has closed the connection that received its probe",
        || server.manager.stats().reconnects >= 1,
    )
    .await;
    server.user(&names(10));
    server.settles().await;
    server.everyone_is_sent(Feed::Live).await;
    let frozen = server.redis.freeze();
    server.everyone_is_sent(Feed::Stale).await;
    drop(frozen);
    server.is_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_drops_a_subscriber_whose_output_buffer_overflows() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let stocks = names(10);
    server.user(&stocks);
    server.settles().await;
    let limit = "pubsub 65536 0 0";
    server
        .redis
        .run::<()>(&["CONFIG", "SET", "client-output-buffer-limit", limit]);
    // Redis sends nothing while a script runs, so even the fastest reader cannot keep the buffer small.
    let script = "for n = 1, 20000 do redis.call('PUBLISH', 'S' .. n % 10, n) end";
    server.redis.run::<()>(&["EVAL", script, "0"]);
    eventually("Redis has dropped the connection", || {
        server.manager.stats().reconnects >= 1
    })
    .await;
    server.is_whole(20_001).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_sixteen_megabytes_is_invalid_and_ends_nothing() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    server.user(&names(10));
    server.settles().await;
    // Redis disconnects a subscriber whose output buffer exceeds 32 MiB, so a message twice this size
    // would end the connection.
    let huge = "9".repeat(16 << 20);
    assert_eq!(server.redis.publish("S0", &huge), 1);
    eventually("the message is counted", || {
        server.manager.stats().invalid_messages == 1
    })
    .await;
    server.is_whole(1).await;
    assert_eq!(server.manager.stats().reconnects, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_stocks_are_subscribed_in_one_burst_and_again_after_a_restart() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    for stocks in names(100_000).chunks(100) {
        server.user(stocks);
    }
    server.settles().await;

    server.redis.kill_9();
    server.everyone_is_sent(Feed::Stale).await;
    server.redis.restart();
    server.settles().await;
    server.everyone_is_sent(Feed::Live).await;
    // Counted after the restart, when all stocks are wanted before the manager connects. While users
    // subscribe, a batch has as many stocks as there are at that moment.
    let (asked, batches) = (
        commands(&server.redis, "subscribe"),
        100_000_u64.div_ceil(512),
    );
    assert!(
        (batches..batches + 5).contains(&asked),
        "{asked} commands for 100,000 channels: these are not batches of 512"
    );

    // All of them disconnect together.
    server.users.clear();
    server.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_flaps_a_thousand_times_a_second_does_not_make_the_server_flap() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let stocks = names(2);
    server.user(&stocks[..1]);
    server.user(&[]);
    server.settles().await;
    let market = Market::open(&server.redis, &stocks);
    let before = commands(&server.redis, "subscribe");

    let (manager, flapping) = (&server.manager, &server.users[1].connection);
    let mut clock = tokio::time::interval(Duration::from_millis(1));
    for _ in 0..3_000 {
        clock.tick().await;
        manager.user_subscribe(flapping, parsed("S1")).unwrap();
        manager.user_unsubscribe(flapping, &parsed("S1")).unwrap();
    }
    // The server stays subscribed all the time: its unsubscribe waits, and the user's next subscribe
    // cancels it.
    let asked = commands(&server.redis, "subscribe") - before;
    assert!(asked <= 3, "{asked} SUBSCRIBEs for one user");
    assert_eq!(subscriptions(&server.users[1].client), BTreeSet::new());
    server.settles().await;

    manager.user_subscribe(flapping, parsed("S1")).unwrap();
    server.is_whole(market.close()).await;
}

/// How often Redis was sent a command.
pub(super) fn commands(redis: &RedisServer, name: &str) -> u64 {
    let all: String = redis.run(&["INFO", "commandstats"]);
    let line = all
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
    let calls = line.and_then(|line| line.split(',').next()).map(str::parse);
    calls.map_or(0, |calls| calls.expect("Redis writes a number"))
}
