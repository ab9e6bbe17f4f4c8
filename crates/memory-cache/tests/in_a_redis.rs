//! One cache for all servers, in a real Redis.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{RedisServer, eventually};
use memory_cache::counted::Counts;
use memory_cache::shared::Shared;
use stateless_server::store::{Store, StoreError};
use support::{HeldStore, a_move, game, id, moves, reading};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

const AN_HOUR: Duration = Duration::from_secs(3_600);

async fn server(store: &HeldStore, redis: &RedisServer) -> Shared<HeldStore> {
    with_time_to_live(store, redis, AN_HOUR).await
}

async fn with_time_to_live(
    store: &HeldStore,
    redis: &RedisServer,
    live: Duration,
) -> Shared<HeldStore> {
    counted(store, &redis.url(), live).await.0
}

async fn counted(store: &HeldStore, url: &str, live: Duration) -> (Shared<HeldStore>, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let url = url.parse().expect("the address of a Redis");
    let server = Shared::new(store.clone(), url, live, Arc::clone(&counts)).await;
    (server, counts)
}

#[tokio::test]
async fn what_one_server_has_read_another_finds_and_a_move_is_seen_by_both() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let servers = [server(&store, &redis).await, server(&store, &redis).await];
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
    let store = HeldStore::with([game("opera")]);
    let servers = [server(&store, &redis).await, server(&store, &redis).await];
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
    let store = HeldStore::with([game("opera")]);
    let short = Duration::from_millis(20);
    let server = with_time_to_live(&store, &redis, short).await;
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
async fn a_read_during_a_load_that_began_before_a_move_returns_the_move() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
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
async fn a_client_whose_move_is_too_late_reads_the_move_that_was_stored() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
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
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
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
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
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

/// A thousand requests that the database answers at once would take a millisecond each with a good Redis.
async fn answers_while(server: &Shared<HeldStore>, requests: u32) -> Vec<Duration> {
    let mut asked = JoinSet::new();
    let mut tick = interval(Duration::from_millis(10));
    for number in 0..requests {
        tick.tick().await;
        let server = server.clone();
        asked.spawn(async move {
            let began = Instant::now();
            match number % 10 {
                0 => drop(server.add_move(&id("opera"), a_move(), None).await.unwrap()),
                _ => drop(server.game(&id("opera")).await.unwrap()),
            }
            began.elapsed()
        });
    }
    let mut times = asked.join_all().await;
    times.sort();
    times
}

/// It answered almost nothing: a connect of 250 ms was made under a lock, by one request after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_frozen_every_request_is_answered_and_one_of_a_hundred_is_late() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
    assert_eq!(moves(&server, "opera").await, 0);
    let times = {
        let _frozen = redis.freeze();
        // Twenty of these requests are moves.
        answers_while(&server, 200).await
    };
    // Five requests come in the 50 ms that Redis is given; on a busy machine, some more are late.
    let late = times.iter().filter(|time| **time > LATE).count();
    assert!(
        late <= 20,
        "{late} of 200 took longer than {LATE:?}: {times:?}"
    );
    assert_eq!(moves(&server, "opera").await, 20, "every move is stored");
}

/// A Redis behind a line that takes 150 ms each way.
async fn slow_line(redis: &RedisServer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let redis = redis.address();
    tokio::spawn(async move {
        while let Ok((ours, _)) = listener.accept().await {
            let (from_us, to_us) = ours.into_split();
            let (from_redis, to_redis) = TcpStream::connect(redis).await.unwrap().into_split();
            tokio::spawn(late(from_us, to_redis));
            tokio::spawn(late(from_redis, to_us));
        }
    });
    url
}

async fn late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        sleep(Duration::from_millis(150)).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_answers_after_300_ms_is_not_waited_for() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (server, counts) = counted(&store, &slow_line(&redis).await, AN_HOUR).await;
    let times = answers_while(&server, 200).await;
    let late = times.iter().filter(|time| **time > LATE).count();
    assert!(
        late <= 20,
        "{late} of 200 took longer than {LATE:?}: {times:?}"
    );
    let troubles = counts.read().troubles;
    assert!(troubles[0].contains("no answer in 50ms"), "{troubles:?}");
}

/// For as long as this, a request with a healthy database is late.
const LATE: Duration = Duration::from_millis(45);

#[tokio::test]
async fn a_load_continues_after_its_client_has_disconnected() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
    store.hold();
    let reader = reading(&server, "opera");
    eventually("the load has begun", async || store.loads() == 1).await;
    reader.abort();
    reader.await.unwrap_err();
    store.let_go();
    eventually("the copy is kept", async || {
        redis.run::<bool>(&["EXISTS", "memory-cache:game:opera"])
    })
    .await;
    assert_eq!(moves(&server, "opera").await, 0);
    assert_eq!(store.loads(), 1);
}

#[tokio::test]
async fn a_move_is_evicted_although_its_client_has_gone() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, &redis).await;
    moves(&server, "opera").await;
    store.abort_a_move(&server, "opera").await;
    eventually("the move is shown", async || {
        moves(&server, "opera").await == 1
    })
    .await;
}

#[tokio::test]
async fn a_move_that_redis_did_not_hear_of_is_evicted_when_it_is_back() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let store = HeldStore::with([game("opera")]);
    let (mover, counts) = counted(&store, &redis.url(), AN_HOUR).await;
    let other = server(&store, &redis).await;
    assert_eq!(moves(&other, "opera").await, 0);
    {
        let _frozen = redis.freeze();
        mover.add_move(&id("opera"), a_move(), None).await.unwrap();
        assert_eq!(moves(&mover, "opera").await, 1);
    }
    assert_eq!(counts.read().late_evictions, 1);
    // The time to live is an hour, so without the eviction it would stay old.
    eventually("the other server shows the move", async || {
        moves(&other, "opera").await == 1
    })
    .await;
    assert_eq!(moves(&mover, "opera").await, 1);
}

/// What a Redis refuses, and whether moves are evicted all the same.
async fn refusal(redis: &RedisServer, url: &str, says: &str, other_may_be_old: bool) {
    let store = HeldStore::with([game("opera")]);
    redis.run::<()>(&["SET", "memory-cache:game:opera", &old_copy()]);
    let (server, counts) = counted(&store, url, Duration::from_secs(20)).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    assert_eq!(moves(&server, "opera").await, 1, "{says}");
    let counted = counts.read();
    let troubles = counted.troubles.join("\n");
    assert!(troubles.contains(says), "{troubles}");
    assert_eq!(counted.late_evictions, 1, "{says}");
    let is_left = redis.run::<bool>(&["EXISTS", "memory-cache:game:opera"]);
    assert_eq!(is_left, other_may_be_old, "{says}");
}

fn old_copy() -> String {
    let game = serde_json::to_string(&game("opera")).expect("a game is JSON");
    format!("0 {game}")
}

#[tokio::test]
async fn a_redis_that_is_full_keeps_no_copy_and_loses_the_one_that_a_move_made_old() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.run::<()>(&["SET", "memory-cache:game:opera", &old_copy()]);
    redis.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let full = async |redis: &RedisServer| {
        redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    };
    let store = HeldStore::with([game("opera")]);
    let (server, counts) = counted(&store, &redis.url(), AN_HOUR).await;
    assert_eq!(moves(&server, "opera").await, 0);
    full(&redis).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    let other = self::server(&store, &redis).await;
    assert_eq!(moves(&server, "opera").await, 1);
    assert_eq!(moves(&other, "opera").await, 1, "both gave the old copy");
    let troubles = counts.read().troubles.join("\n");
    assert!(
        troubles.contains("refuses EVAL") && troubles.contains("OOM"),
        "{troubles}"
    );
    assert_eq!(counts.read().late_evictions, 1);
}

#[tokio::test]
async fn a_user_who_may_not_run_scripts_or_only_read_is_named_and_shown_no_old_copy() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let user = |name: &str, may: &[&str]| {
        let words = ["ACL", "SETUSER", name, "on", ">pw", "~*"];
        redis.run::<()>(&[&words, may].concat());
        redis
            .url()
            .replace("redis://", &format!("redis://{name}:pw@"))
    };
    let no_scripts = user("scriptless", &["+@all", "-eval"]);
    refusal(&redis, &no_scripts, "refuses EVAL", false).await;
    let reader = user("reader", &["+@all", "-eval", "-del"]);
    refusal(&redis, &reader, "refuses DEL", true).await;
}

#[tokio::test]
async fn a_redis_that_does_not_know_our_protocol_is_named() {
    let flags = ["--rename-command", "HELLO", ""].map(str::to_owned);
    let Some(redis) = RedisServer::start_with(&flags) else {
        return;
    };
    refusal(&redis, &redis.url(), "refuses the connection", true).await;
}

#[tokio::test]
async fn a_replica_that_may_only_be_read_is_named_and_shown_no_old_copy() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let nobody = harness::free_port().to_string();
    redis.run::<()>(&["SET", "memory-cache:game:opera", &old_copy()]);
    let store = HeldStore::with([game("opera")]);
    redis.run::<()>(&["REPLICAOF", "127.0.0.1", &nobody]);
    let (server, counts) = counted(&store, &redis.url(), AN_HOUR).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    assert_eq!(moves(&server, "opera").await, 1);
    let troubles = counts.read().troubles.join("\n");
    assert!(troubles.contains("read only replica"), "{troubles}");
}
