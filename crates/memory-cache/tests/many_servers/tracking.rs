//! A copy in each server, which a real Redis calls old.

use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use harness::{RedisServer, eventually};
use memory_cache::counted::Counts;
use memory_cache::shared::Shared;
use memory_cache::shared::own_copies::OwnCopies;
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, Value,
    cmd,
};
use stateless_server::store::Store;
use tokio::task::yield_now;

use crate::support::{HeldStore, a_move, game, id, moves, reading};

const AN_HOUR: Duration = Duration::from_secs(3_600);

async fn server(store: &HeldStore, url: &str) -> (Shared<HeldStore>, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let url = url.parse().expect("the address of a Redis");
    let counted = Arc::clone(&counts);
    let server = Shared::tracking(store.clone(), url, AN_HOUR, 100, counted).await;
    (server, counts)
}

/// Reads until the server answers from a copy of its own, and returns how many moves that has.
async fn own_copy(server: &Shared<HeldStore>) -> usize {
    eventually("the server has a copy of its own", async || {
        moves(server, "opera").await;
        server.own_entries() == 1
    })
    .await;
    moves(server, "opera").await
}

async fn play(server: &Shared<HeldStore>) {
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
}

/// How often Redis was asked for a key.
fn gets(redis: &RedisServer) -> u64 {
    let stats = redis.run::<String>(&["INFO", "commandstats"]);
    let gets = stats.lines().find(|line| line.starts_with("cmdstat_get:"));
    let (_, calls) = gets.unwrap_or("calls=0,").split_once("calls=").unwrap();
    calls.split(',').next().unwrap().parse().unwrap()
}

/// The ids of the clients whose reads Redis remembers.
fn tracked(redis: &RedisServer) -> Vec<String> {
    let list = redis.run::<String>(&["CLIENT", "LIST"]);
    let field = |line: &str, name: &str| {
        let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
        let found = fields.find(|(field, _)| *field == name);
        found.map_or_else(String::new, |(_, value)| value.to_owned())
    };
    let tracked = list
        .lines()
        .filter(|line| field(line, "flags").contains('t'));
    tracked.map(|line| field(line, "id")).collect()
}

#[tokio::test]
async fn a_second_read_asks_no_one_and_a_move_through_another_server_is_pushed() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (mover, _) = server(&store, &redis.url()).await;
    let (reader, counts) = server(&store, &redis.url()).await;
    // On a machine so busy that the probe of the connection fails, the copies are gone now and then.
    eventually("a hundred reads need no hop", async || {
        assert_eq!(own_copy(&reader).await, 0);
        let (asked, hits) = (gets(&redis), counts.read().hits);
        for _ in 0..100 {
            assert_eq!(moves(&reader, "opera").await, 0);
        }
        gets(&redis) == asked && counts.read().hits == hits + 100
    })
    .await;
    for move_number in 1..=3 {
        own_copy(&mover).await;
        play(&mover).await;
        assert_eq!(moves(&mover, "opera").await, move_number, "its own move");
        eventually("the other server shows the move", async || {
            moves(&reader, "opera").await == move_number
        })
        .await;
        assert_eq!(own_copy(&reader).await, move_number);
    }
}

#[tokio::test]
async fn a_server_whose_connection_was_killed_gives_no_answer_from_before() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (reader, counts) = server(&store, &redis.url()).await;
    let killed = tracked(&redis);
    assert_eq!(killed.len(), 1, "{killed:?}");
    let (mover, _) = server(&store, &redis.url()).await;
    assert_eq!(own_copy(&reader).await, 0);

    redis.run::<()>(&["CLIENT", "KILL", "ID", &killed[0]]);
    play(&mover).await;
    eventually("the loss is noticed", async || {
        !counts.read().troubles.is_empty()
    })
    .await;
    assert_eq!(reader.own_entries(), 0);
    assert_eq!(moves(&reader, "opera").await, 1, "the database answers");

    eventually("Redis tracks the server again", async || {
        moves(&reader, "opera").await;
        let tracked = tracked(&redis);
        tracked.len() == 2 && !tracked.contains(&killed[0])
    })
    .await;
    // Redis would not push that a copy from before is old: Redis forgot it with the connection.
    assert_eq!(moves(&reader, "opera").await, 1, "a copy from before");
    assert_eq!(own_copy(&reader).await, 1);
    play(&mover).await;
    eventually("the next move is pushed again", async || {
        moves(&reader, "opera").await == 2
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_is_frozen_is_noticed_by_a_server_that_asks_it_nothing() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (reader, counts) = server(&store, &redis.url()).await;
    let (mover, _) = server(&store, &redis.url()).await;
    assert_eq!(own_copy(&reader).await, 0);
    {
        let _frozen = redis.freeze();
        play(&mover).await;
        assert_eq!(moves(&mover, "opera").await, 1, "its own move");
        // The copy may be used for an hour, and each of these reads finds it until the probe has failed.
        eventually("the copy is not used any more", async || {
            moves(&reader, "opera").await == 1
        })
        .await;
        let troubles = counts.read().troubles.join("\n");
        assert!(troubles.contains("no answer in 50ms"), "{troubles}");
    }
    eventually("Redis is used again", async || {
        moves(&reader, "opera").await == 1 && reader.own_entries() == 1
    })
    .await;
}

#[tokio::test]
async fn a_flush_and_what_another_program_writes_end_a_copy() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (reader, _) = server(&store, &redis.url()).await;
    assert_eq!(own_copy(&reader).await, 0);
    store.play_elsewhere(&id("opera"));
    redis.run::<()>(&["FLUSHALL"]);
    eventually("all are dropped", async || {
        moves(&reader, "opera").await == 1
    })
    .await;
    assert_eq!(own_copy(&reader).await, 1);
    store.play_elsewhere(&id("opera"));
    redis.run::<()>(&["DEL", "memory-cache:game:opera"]);
    eventually("this one is dropped", async || {
        moves(&reader, "opera").await == 2
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_a_move_leaves_no_copy_of_its_own() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (mover, _) = server(&store, &redis.url()).await;
    let (reader, _) = server(&store, &redis.url()).await;
    store.hold();
    let read = reading(&reader, "opera");
    eventually("the load has begun", async || store.loads() == 1).await;
    play(&mover).await;
    store.let_go();
    read.await.unwrap();
    assert_eq!(moves(&reader, "opera").await, 1);
    assert_eq!(own_copy(&reader).await, 1);
}

#[tokio::test]
async fn a_user_who_may_not_track_is_named_and_shown_no_old_copy() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let words = ["ACL", "SETUSER", "untracked", "on", ">pw", "~*", "+@all"];
    redis.run::<()>(&[&words[..], &["-client|tracking"]].concat());
    let url = redis.url().replace("redis://", "redis://untracked:pw@");
    let store = HeldStore::with([game("opera")]);
    let (server, counts) = server(&store, &url).await;
    play(&server).await;
    assert_eq!(moves(&server, "opera").await, 1);
    let troubles = counts.read().troubles.join("\n");
    assert!(troubles.contains("refuses the connection"), "{troubles}");
    assert!(!troubles.contains("pw"), "{troubles}");
}

fn invalidate(name: &str) -> PushInfo {
    let key = format!("memory-cache:game:{name}");
    PushInfo {
        kind: PushKind::Invalidate,
        data: vec![Value::Array(vec![Value::BulkString(key.into())])],
    }
}

#[test]
fn an_answer_that_was_called_old_before_it_was_kept_is_not_kept() {
    let copies = OwnCopies::new(10, AN_HOUR);
    let (opera, old) = (id("opera"), Arc::new(game("opera")));
    let first = copies.ask(&opera);
    copies.heed(&invalidate("opera"));
    copies.keep(&opera, first, Arc::clone(&old));
    assert_eq!(copies.get(&opera), None, "the push came first");

    // A second question does not make the first answer good.
    let first = copies.ask(&opera);
    copies.heed(&invalidate("opera"));
    let second = copies.ask(&opera);
    copies.keep(&opera, first, Arc::clone(&old));
    assert_eq!(copies.get(&opera), None, "another question was asked since");
    copies.keep(&opera, second, Arc::clone(&old));
    assert_eq!(copies.get(&opera), Some(old));

    copies.heed(&invalidate("another"));
    assert!(copies.get(&opera).is_some(), "another game is no reason");
    copies.heed(&invalidate("opera"));
    assert_eq!(copies.get(&opera), None);
}

/// A connection with the redis crate's own cache, and one without.
async fn with_its_own_cache(redis: &RedisServer) -> MultiplexedConnection {
    let info = redis.url().into_connection_info().unwrap();
    let settings = info.redis_settings().clone();
    let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
    let client = Client::open(info).unwrap();
    let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
    let connected = client.get_multiplexed_async_connection_with_config(&config);
    connected.await.unwrap()
}

/// If this fails, the crate has mended its cache, and ours may go.
#[tokio::test]
async fn the_redis_crates_own_cache_answers_although_its_connection_is_lost() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut cached = with_its_own_cache(&redis).await;
    let client: u64 = cmd("CLIENT")
        .arg("ID")
        .query_async(&mut cached)
        .await
        .unwrap();
    redis.run::<()>(&["SET", "opera", "old"]);
    let get = cmd("GET").arg("opera").to_owned();
    assert_eq!(get.query_async::<String>(&mut cached).await.unwrap(), "old");
    redis.run::<()>(&["CLIENT", "KILL", "ID", &client.to_string()]);
    redis.run::<()>(&["SET", "opera", "new"]);
    eventually("the connection is lost", async || {
        let ping = cmd("PING");
        let mut cached = cached.clone();
        ping.query_async::<()>(&mut cached).await.is_err()
    })
    .await;
    assert_eq!(get.query_async::<String>(&mut cached).await.unwrap(), "old");
}

/// If this fails, the crate has mended its cache, and ours may go.
#[tokio::test]
async fn the_redis_crates_own_cache_keeps_an_answer_that_was_called_old_before() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut cached = with_its_own_cache(&redis).await;
    redis.run::<()>(&["SET", "opera", "old"]);
    let get = cmd("GET").arg("opera").to_owned();
    let mut answered = {
        let (get, mut cached) = (get.clone(), cached.clone());
        Box::pin(async move { get.query_async::<String>(&mut cached).await })
    };
    // All tasks share this thread: the connection's task runs at the yield only.
    let before = gets(&redis);
    assert!(poll!(&mut answered).is_pending());
    while gets(&redis) == before {
        yield_now().await;
    }
    // Redis has answered, and before its answer is read here, it pushes that it is old.
    redis.run::<()>(&["SET", "opera", "new"]);
    redis.run::<()>(&["PING"]);
    assert_eq!(answered.await.unwrap(), "old", "it was when Redis answered");
    assert_eq!(get.query_async::<String>(&mut cached).await.unwrap(), "old");
}
