//! One cache for all servers, in a real Redis.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{RedisServer, eventually};
use memory_cache::counted::Counts;
use memory_cache::shared::Shared;
use stateless_server::store::{Store, StoreError};
use support::{Held, a_move, game, id, moves, reading};

const AN_HOUR: Duration = Duration::from_secs(3_600);

fn server(store: &Held, redis: &RedisServer) -> Shared<Held> {
    with_time_to_live(store, redis, AN_HOUR)
}

fn with_time_to_live(store: &Held, redis: &RedisServer, live: Duration) -> Shared<Held> {
    let url = redis.url().parse().expect("the address of a Redis");
    Shared::new(store.clone(), url, live, Arc::new(Counts::default()))
}

#[tokio::test]
async fn what_one_server_has_read_another_finds_and_a_move_is_seen_by_both() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let servers = [server(&store, &redis), server(&store, &redis)];
    for server in &servers {
        assert_eq!(moves(server, "opera").await, 0);
    }
    assert_eq!(store.loads(), 1);
    servers[0]
        .add_move(&id("opera"), a_move(), None)
        .await
        .unwrap();
    for server in &servers {
        assert_eq!(moves(server, "opera").await, 1);
    }
    assert_eq!(store.loads(), 2);
}

#[tokio::test]
async fn a_load_that_began_before_a_move_does_not_replace_what_came_after_it() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let servers = [server(&store, &redis), server(&store, &redis)];
    store.hold();
    let reader = reading(&servers[1], "opera");
    eventually("the load has begun", async || store.loads() == 1).await;
    servers[0]
        .add_move(&id("opera"), a_move(), None)
        .await
        .unwrap();
    store.let_go();
    reader.await.unwrap();
    for server in &servers {
        assert_eq!(moves(server, "opera").await, 1);
    }
}

#[tokio::test]
async fn a_load_that_outlives_the_time_to_live_does_not_either() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let short = Duration::from_millis(20);
    let server = with_time_to_live(&store, &redis, short);
    store.hold();
    let reader = reading(&server, "opera");
    eventually("the load has begun", async || store.loads() == 1).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    let played = Instant::now();
    eventually("the time to live is over", async || {
        played.elapsed() > 2 * short
    })
    .await;
    store.let_go();
    assert_eq!(reader.await.unwrap(), 1, "the game was read once more");
}

#[tokio::test]
async fn who_joins_a_load_that_began_before_a_move_is_shown_the_move() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let server = server(&store, &redis);
    store.hold();
    let read = || reading(&server, "opera");
    let first = read();
    eventually("the load has begun", async || store.loads() == 1).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    let joined = read();
    store.let_go();
    assert_eq!((first.await.unwrap(), joined.await.unwrap()), (1, 1));
}

#[tokio::test]
async fn who_is_told_that_another_move_was_faster_reads_that_move() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let server = server(&store, &redis);
    moves(&server, "opera").await;
    store.play_elsewhere(&id("opera"));
    let refused = server.add_move(&id("opera"), a_move(), Some(1)).await;
    assert!(matches!(refused, Err(StoreError::NotNext { moves: 1, .. })));
    assert_eq!(moves(&server, "opera").await, 1);
}

#[tokio::test]
async fn what_another_program_wrote_under_our_key_is_a_miss() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let server = server(&store, &redis);
    let key = "memory-cache:game:opera";
    let other = serde_json::to_string(&game("other")).unwrap();
    for rubbish in [
        "",
        "free lunch",
        "7",
        "1 {}",
        &format!("0 {other}"),
        "\u{0}",
    ] {
        redis.run::<()>(&["SET", key, rubbish]);
        assert_eq!(moves(&server, "opera").await, 0, "{rubbish:?}");
    }
    redis.run::<()>(&["DEL", key]);
    redis.run::<()>(&["RPUSH", key, "a list"]);
    assert_eq!(moves(&server, "opera").await, 0, "a value of another type");
}

#[tokio::test]
async fn while_redis_is_away_or_frozen_the_database_answers() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let store = Held::with([game("opera")]);
    let server = server(&store, &redis);
    assert_eq!(moves(&server, "opera").await, 0);
    {
        let _frozen = redis.freeze();
        server.add_move(&id("opera"), a_move(), None).await.unwrap();
        assert_eq!(moves(&server, "opera").await, 1);
    }
    redis.kill_9();
    assert_eq!(moves(&server, "opera").await, 1);
    redis.restart();
    eventually("Redis is used again", async || {
        let before = store.loads();
        moves(&server, "opera").await == 1 && store.loads() == before
    })
    .await;
}
