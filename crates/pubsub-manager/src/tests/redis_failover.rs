//! A failover that the connection does not notice: the old Redis still answers, and all publishers
//! use another one.

use super::{eventually::eventually, test_client::TestClient};
use crate::{BrokerAddress, Feed, Options, PubSubManager, UserId};
use harness::RedisServer;
use parking_lot::Mutex;
use std::{sync::Arc, time::Instant};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

/// Works like a virtual address or a name in DNS: a connection stays with the server that it was made
/// to, and the next one goes to the server that the address points at by then.
async fn address(of: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let there = of.lock().clone();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(there).await?;
                copy_bidirectional(&mut here, &mut there).await
            });
        }
    });
    url
}

fn place(redis: &RedisServer) -> String {
    redis
        .url()
        .trim_start_matches("redis://")
        .trim_end_matches('/')
        .to_owned()
}

#[tokio::test]
async fn a_connection_to_a_former_master_that_still_answers_is_noticed() {
    let Some(old) = RedisServer::start() else {
        return;
    };
    let Some(new) = RedisServer::start() else {
        return;
    };
    let points_at = Arc::new(Mutex::new(place(&old)));
    let url = address(Arc::clone(&points_at)).await;
    let broker = BrokerAddress::Redis(url.parse().unwrap());
    let manager = PubSubManager::new(Options {
        broker,
        ..Options::default()
    })
    .unwrap();
    let client = TestClient::default();
    let user = manager.connect(UserId(1), client.clone()).unwrap();
    manager
        .user_subscribe(&user, "APPL".parse().unwrap())
        .unwrap();
    eventually("the old Redis has the subscription", || {
        old.publish("APPL", "1") == 1
    })
    .await;

    eventually("the user is sent that prices are live", || {
        client.feed() == Some(Feed::Live)
    })
    .await;

    *points_at.lock() = place(&new);
    let moved = Instant::now();
    eventually("the user is sent that prices are stale", || {
        client.feed() == Some(Feed::Stale)
    })
    .await;
    let noticed = moved.elapsed();
    eventually("the new Redis has the subscription", || {
        new.publish("APPL", "2") == 1
    })
    .await;
    eventually("the price comes", || {
        client.prices("APPL").last().map(String::as_str) == Some("2")
    })
    .await;
    // A price arrives as soon as the channel is subscribed; live is sent when the probe is back.
    eventually("the user is sent that prices are live again", || {
        client.feed() == Some(Feed::Live)
    })
    .await;
    // Printed and not asserted, because it depends on how busy the machine is.
    println!("noticed after {:.1} s", noticed.as_secs_f64());
}
