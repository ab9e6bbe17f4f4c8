//! The last price over a real Redis: how it is stored, and in which order it is read.

use super::{
    eventually::eventually,
    server_on_redis::{Server, parsed},
    test_client::{Received, TestClient},
};
use crate::{BrokerAddress, Connection, Feed, Options, PubSubManager, Publisher, UserId};
use harness::RedisServer;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

fn address(redis: &RedisServer) -> BrokerAddress {
    BrokerAddress::Redis(redis.url().parse().unwrap())
}

async fn publish(publisher: &Publisher, stock: &str, price: &str) -> u64 {
    let price = (parsed(stock), price.parse().unwrap());
    publisher.publish(&[price]).await.unwrap()
}

fn last_price(stock: &str, price: &str) -> Received {
    Received::Price {
        stock: stock.to_owned(),
        price: price.to_owned(),
        last: true,
        missed: 0,
    }
}

#[tokio::test]
async fn prices_are_published_and_the_last_is_stored_for_a_day_in_one_transaction() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let publisher = Publisher::new(&address(&redis), "class-7:");
    let prices = ["1", "2", "3"].map(|price| (parsed("APPL"), price.parse().unwrap()));
    publisher.publish(&prices).await.unwrap();
    let key = "last.{class-7:APPL}";
    assert_eq!(redis.run::<String>(&["GET", key]), "3");
    let ttl: u64 = redis.run(&["TTL", key]);
    assert!((86_300..=86_400).contains(&ttl), "{ttl} s");
    let stats: String = redis.run(&["INFO", "commandstats"]);
    for calls in ["exec:calls=1,", "set:calls=1,", "publish:calls=3,"] {
        assert!(stats.contains(&format!("cmdstat_{calls}")), "{stats}");
    }
}

#[tokio::test]
async fn a_stored_price_is_forgotten_after_its_time_to_live_and_with_zero_none_is_stored() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let publisher = Publisher::new(&address(&server.redis), "");
    let second = publisher
        .clone()
        .with_last_price_ttl(Duration::from_secs(1));
    let none = publisher.with_last_price_ttl(Duration::ZERO);
    publish(&none, "NONE", "1").await;
    assert_eq!(server.redis.run::<u64>(&["DBSIZE"]), 0);
    publish(&second, "SECOND", "1").await;
    assert_eq!(server.redis.run::<u64>(&["DBSIZE"]), 1);
    eventually("the price is forgotten", || {
        server.redis.run::<u64>(&["EXISTS", "last.{SECOND}"]) == 0
    })
    .await;
    let client = server.user(&["SECOND".to_owned()]).client.clone();
    server.is_whole(2).await;
    assert_eq!(client.prices("SECOND"), ["2"]);
}

#[tokio::test]
async fn a_stored_value_that_is_not_a_price_is_counted_and_sent_to_nobody() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    server
        .redis
        .run::<()>(&["SET", "last.{S0}", "one and a half"]);
    server.redis.run::<()>(&["SET", "last.{S2}", "2"]);
    // What is not even a string counts as nothing.
    server.redis.run::<()>(&["HSET", "last.{S1}", "price", "1"]);
    let stocks = ["S0", "S1", "S2"].map(str::to_owned);
    let client = server.user(&stocks).client.clone();
    let last = last_price("S2", "2");
    eventually("the one that is a price is sent", || {
        client.received().contains(&last)
    })
    .await;
    server.is_whole(3).await;
    assert_eq!(client.prices("S0"), ["3"]);
    assert_eq!(client.prices("S1"), ["3"]);
    assert_eq!(server.manager.stats().invalid_messages, 1);
    let is_about_a_stock =
        |received: &Received| matches!(received, Received::Status { stock: Some(_), .. });
    assert!(!client.received().iter().any(is_about_a_stock));
}

#[tokio::test]
async fn a_redis_that_allows_no_mget_or_no_set_costs_last_prices_and_nothing_else() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let publisher = Publisher::new(&address(&server.redis), "");
    let all: &[&str] = &["1", "2"];
    for (stock, forbidden, sent) in [
        ("S0", "-mget", &all[1..]),
        ("S1", "-set", all),
        ("S2", "resetkeys", &all[1..]),
    ] {
        publish(&publisher, stock, "1").await;
        let acl = ["ACL", "SETUSER", "default", forbidden];
        server.redis.run::<()>(&acl);
        let client = server.user(&[stock.to_owned()]).client.clone();
        server.settles().await;
        // The stored price, where it can be read, is not to meet the next one on its way.
        if sent == all {
            eventually("the stored price is sent", || client.prices(stock) == ["1"]).await;
        }
        assert_eq!(publish(&publisher, stock, "2").await, 1, "{forbidden}");
        eventually("the published price is sent", || {
            client.prices(stock) == *sent
        })
        .await;
        let acl = ["ACL", "SETUSER", "default", "+mget", "+set", "~*"];
        server.redis.run::<()>(&acl);
    }
    server.is_whole(3).await;
    assert_eq!(server.manager.stats().reconnects, 0);
}

#[tokio::test]
async fn a_publisher_that_may_not_store_publishes_each_price_once() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let publisher = Publisher::new(&address(&server.redis), "");
    for (stock, right, stored) in [
        ("S0", "-set", "1"),
        ("S1", "-exec", "1"),
        // Then each command of the transaction is executed by itself.
        ("S2", "-multi", "3"),
    ] {
        publish(&publisher, stock, "1").await;
        let client = server.user(&[stock.to_owned()]).client.clone();
        eventually("the stored price is sent", || client.prices(stock) == ["1"]).await;
        server.settles().await;
        server
            .redis
            .run::<()>(&["ACL", "SETUSER", "default", right]);
        for price in ["2", "3"] {
            assert_eq!(publish(&publisher, stock, price).await, 1, "{right}");
        }
        let acl = ["ACL", "SETUSER", "default", "+set", "+exec", "+multi"];
        server.redis.run::<()>(&acl);
        let key = format!("last.{{{stock}}}");
        assert_eq!(
            server.redis.run::<String>(&["GET", &key]),
            stored,
            "{right}"
        );
        // What was published twice would have come before this one.
        publish(&publisher, stock, "4").await;
        eventually("the last price is sent", || {
            client
                .prices(stock)
                .last()
                .is_some_and(|price| price == "4")
        })
        .await;
        assert_eq!(client.prices(stock), ["1", "2", "3", "4"], "{right}");
    }
}

/// What the proxy lets pass before it holds the rest back.
const CONFIRMATION: &[u8] = b"$9\r\nsubscribe\r\n$4\r\nAPPL\r\n:";
const HELD_BACK: Duration = Duration::from_millis(100);
/// The prices from 1 to `LAST` are published. The user subscribes after `SUBSCRIBED` of them, and the
/// server learns that Redis has confirmed it after `CONFIRMED`.
const SUBSCRIBED: u64 = 30;
const CONFIRMED: u64 = 60;
const LAST: u64 = 100;

/// A proxy in front of the Redis. On its first connection it passes on the confirmation of APPL when
/// enough prices are published, and then holds back the rest for a while, as a busy network does. On every
/// other connection it passes on everything at once.
async fn holding_back(redis: SocketAddr, published: watch::Receiver<u64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut first = Some(published);
        while let Ok((here, _)) = listener.accept().await {
            let there = TcpStream::connect(redis).await.unwrap();
            let ((mut from_server, to_server), (from_redis, mut to_redis)) =
                (here.into_split(), there.into_split());
            tokio::spawn(async move { copy(&mut from_server, &mut to_redis).await });
            tokio::spawn(hold_back(from_redis, to_server, first.take()));
        }
    });
    url
}

async fn hold_back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut published: Option<watch::Receiver<u64>>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let mut rest = &bytes[..length];
        let confirmation = rest
            .windows(CONFIRMATION.len())
            .position(|window| window == CONFIRMATION);
        if let Some(at) = confirmation
            && let Some(mut published) = published.take()
        {
            let enough = published.wait_for(|number| *number >= CONFIRMED).await;
            enough.expect("the test goes on");
            // Its last line is a number of one digit.
            let (passes, held) = rest.split_at(at + CONFIRMATION.len() + b"2\r\n".len());
            let _ = to.write_all(passes).await;
            sleep(HELD_BACK).await;
            rest = held;
        }
        if to.write_all(rest).await.is_err() {
            return;
        }
    }
}

/// With `last_prices` of broker/redis.rs over a connection of its own, this is red.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_user_is_sent_an_older_price_although_the_subscribers_connection_is_held_back() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let (published, receiver) = watch::channel(0);
    let url = holding_back(redis.address(), receiver).await;
    let manager = PubSubManager::new(Options {
        broker: BrokerAddress::Redis(url.parse().unwrap()),
        ..Options::default()
    })
    .unwrap();
    eventually("the feed is live", || manager.stats().feed == Feed::Live).await;
    let publisher = Publisher::new(&address(&redis), "");
    let client = TestClient::default();
    let connection: Connection<TestClient> = manager.connect(UserId(1), client.clone()).unwrap();
    for number in 1..=LAST {
        publish(&publisher, "APPL", &number.to_string()).await;
        published.send_replace(number);
        if number == SUBSCRIBED {
            manager.user_subscribe(&connection, parsed("APPL")).unwrap();
            redis.until_subscribed("APPL", 1);
        }
    }
    eventually("the newest price arrives", || {
        client
            .prices("APPL")
            .last()
            .is_some_and(|price| *price == LAST.to_string())
    })
    .await;
    let prices = client.prices("APPL");
    let numbers: Vec<u64> = prices.iter().map(|price| price.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}
