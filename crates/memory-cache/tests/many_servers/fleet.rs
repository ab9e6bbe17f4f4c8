//! Who asks the database when a copy ends. Tokio's clock is paused where the cache is in this process.

use std::sync::Arc;
use std::time::Duration;

use harness::{RedisServer, eventually};
use memory_cache::counted::Counts;
use memory_cache::fleet::{
    Answer, CommonCache, Database, FleetServer, InProcess, InRedis, Kept, LoadFailed, Plan,
    Settings, Story,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::id;

const LOAD: Duration = Duration::from_millis(100);
const LEASE: Duration = Duration::from_secs(1);

fn settings(plan: Plan) -> Settings {
    Settings {
        plan,
        time_to_live: Duration::from_secs(2),
        jitter: 0.0,
        keeps_no_such_game: true,
        lease: LEASE,
    }
}

/// Fifty servers of one cache in this process, and their database, which has one game.
fn fleet(plan: Plan) -> (Database, InProcess, Vec<FleetServer<InProcess>>) {
    let (database, cache) = (Database::new(LOAD), InProcess::default());
    database.add(&id("opera"));
    let server = |number| FleetServer::new(number, cache.clone(), database.clone(), settings(plan));
    let servers = (1..=50).map(server).collect();
    (database, cache, servers)
}

async fn all_read<C: CommonCache>(servers: &[FleetServer<C>]) -> Vec<Result<Answer, LoadFailed>> {
    let mut reads = JoinSet::new();
    for server in servers {
        let server = server.clone();
        reads.spawn(async move { server.read(&id("opera")).await });
    }
    reads.join_all().await
}

const NEW_GAME: Answer = Answer::Moves(0);

#[tokio::test(start_paused = true)]
async fn of_fifty_servers_fifty_load_with_nothing_and_one_with_a_lease() {
    for (plan, loads) in [(Plan::Nothing, 50), (Plan::Lease, 1)] {
        let (database, _, servers) = fleet(plan);
        assert_eq!(all_read(&servers).await, [Ok(NEW_GAME); 50], "{plan:?}");
        assert_eq!(database.loads(), (loads, loads), "{plan:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_given_back_when_its_load_fails() {
    let (database, _, servers) = fleet(Plan::Lease);
    database.fail_next(1);
    let began = Instant::now();
    let answers = all_read(&servers).await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(failed, 1, "its own reader gets the failure");
    assert_eq!(database.loads(), (2, 1), "the next server loads");
    assert!(
        began.elapsed() < LEASE,
        "and does not wait for the lease to end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_dies_stops_the_others_until_its_lease_ends() {
    let (database, cache, servers) = fleet(Plan::Lease);
    assert_eq!(cache.lease(&id("opera"), 99, LEASE).await, Ok(true));
    let began = Instant::now();
    assert_eq!(all_read(&servers).await, [Ok(NEW_GAME); 50]);
    assert_eq!(database.loads(), (1, 1));
    assert!(began.elapsed() >= LEASE, "no server may load before");
    assert!(began.elapsed() < LEASE + 2 * LOAD, "and one does then");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_disconnects_leaves_no_lease_behind() {
    let (database, cache, servers) = fleet(Plan::Lease);
    let first = servers[0].clone();
    let reader = tokio::spawn(async move { first.read(&id("opera")).await });
    sleep(LOAD / 2).await;
    reader.abort();
    reader.await.unwrap_err();
    assert_eq!(all_read(&servers).await, [Ok(NEW_GAME); 50]);
    assert_eq!(database.loads(), (1, 1), "its load went on");
    assert_eq!(cache.lease(&id("opera"), 99, LEASE).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_far_from_its_end_is_not_refreshed_and_one_that_is_near_it_is() {
    let (database, cache, servers) = fleet(Plan::Early);
    let kept = |ends_in| Kept {
        answer: NEW_GAME,
        load_took: LOAD,
        ends_in,
    };
    cache.put(&id("opera"), kept(100 * LOAD)).await.unwrap();
    all_read(&servers).await;
    assert_eq!(database.loads(), (0, 0));
    // Each reader's chance is 1 in 1.1 at a tenth of a load before the end.
    cache.put(&id("opera"), kept(LOAD / 10)).await.unwrap();
    all_read(&servers).await;
    assert!(database.loads().0 > 25, "{:?}", database.loads());
}

#[tokio::test(start_paused = true)]
async fn the_answer_that_there_is_no_game_ends_when_it_is_made_also_for_a_load_from_before() {
    let (database, _, servers) = fleet(Plan::Lease);
    let new = id("new");
    for server in &servers {
        assert_eq!(server.read(&new).await, Ok(Answer::NoSuchGame));
    }
    assert_eq!(database.loads(), (1, 1), "that is an answer, too");
    assert_eq!(servers[0].add(&new).await, NEW_GAME);
    assert_eq!(servers[1].read(&new).await, Ok(NEW_GAME));

    let newer = id("newer");
    let (slow, asked) = (servers[2].clone(), newer.clone());
    let before = tokio::spawn(async move { slow.read(&asked).await });
    sleep(LOAD / 2).await;
    servers[0].add(&newer).await;
    assert_eq!(before.await.unwrap(), Ok(Answer::NoSuchGame));
    assert_eq!(servers[1].read(&newer).await, Ok(NEW_GAME));
}

/// Run by the example, printed on the page, and asked for in its quiz.
#[tokio::test(start_paused = true)]
async fn the_example_prints_what_the_page_says() {
    let page = include_str!("../../../../lessons/02b-one-cache-many-servers.md");
    let mut out = Vec::new();
    Story::new(InProcess::default())
        .show(&mut out)
        .await
        .unwrap();
    let printed = String::from_utf8(out).unwrap();
    assert!(
        page.contains(&format!("\n```\n{printed}```\n")),
        "{printed}"
    );
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "too wide: {line}");
    }
    assert_eq!(
        printed.lines().last().unwrap(),
        "verdict: a copy ends: 50 loads; 1 with a lease, 3.2 with an early refresh"
    );
}

/// What both caches must do.
async fn keeps_the_contract(cache: impl CommonCache) {
    let game = id("opera");
    let kept = |answer| Kept {
        answer,
        load_took: Duration::from_millis(7),
        ends_in: Duration::from_secs(3_600),
    };
    let answer = async || {
        let kept = cache.get(&game).await.unwrap();
        kept.map(|kept| kept.answer)
    };
    assert_eq!(answer().await, None);
    cache.put(&game, kept(Answer::NoSuchGame)).await.unwrap();
    assert_eq!(answer().await, Some(Answer::NoSuchGame));
    cache.put(&game, kept(Answer::Moves(3))).await.unwrap();
    cache.put(&game, kept(Answer::Moves(2))).await.unwrap();
    assert_eq!(answer().await, Some(Answer::Moves(3)), "the newer one");
    let found = cache.get(&game).await.unwrap().unwrap();
    assert_eq!(found.load_took, Duration::from_millis(7));
    assert!(found.ends_in > Duration::from_secs(3_000), "{found:?}");

    let hour = Duration::from_secs(3_600);
    cache
        .end_before(&game, Answer::Moves(4), hour)
        .await
        .unwrap();
    assert_eq!(answer().await, None);
    cache.put(&game, kept(Answer::Moves(3))).await.unwrap();
    assert_eq!(answer().await, None, "it is from before");
    cache.put(&game, kept(Answer::Moves(4))).await.unwrap();
    assert_eq!(answer().await, Some(Answer::Moves(4)));

    assert_eq!(cache.lease(&game, 1, hour).await, Ok(true));
    assert_eq!(cache.lease(&game, 2, hour).await, Ok(false));
    cache.release(&game, 2).await.unwrap();
    assert_eq!(cache.lease(&game, 2, hour).await, Ok(false), "not its own");
    cache.release(&game, 1).await.unwrap();
    let short = Duration::from_millis(20);
    assert_eq!(cache.lease(&game, 2, short).await, Ok(true));
    eventually("a lease ends by itself", async || {
        cache.lease(&game, 3, hour).await == Ok(true)
    })
    .await;
}

#[tokio::test]
async fn a_cache_in_this_process_does_what_a_cache_in_a_redis_does() {
    keeps_the_contract(InProcess::default()).await;
    let Some(redis) = RedisServer::start() else {
        return;
    };
    keeps_the_contract(in_redis(&redis).await).await;
}

async fn in_redis(redis: &RedisServer) -> InRedis {
    let (url, counts) = (redis.url().parse().unwrap(), Arc::new(Counts::default()));
    // However busy this machine is, Redis answers in time.
    let cache = InRedis::new(url, 0, Duration::from_secs(30), counts).await;
    eventually("it is connected", async || {
        cache.get(&id("connected")).await.is_ok()
    })
    .await;
    cache
}

#[tokio::test]
async fn with_a_lease_in_a_redis_one_of_fifty_loads_and_without_a_redis_each_does() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let database = Database::new(LOAD);
    database.add(&id("opera"));
    let fleet = async |plan| {
        // However busy this machine is, no lease ends here.
        let settings = Settings {
            lease: Duration::from_secs(60),
            time_to_live: Duration::from_secs(60),
            ..settings(plan)
        };
        let mut servers = Vec::new();
        for number in 1..=50 {
            // Each is a process of its own elsewhere, so each has a connection of its own.
            let cache = in_redis(&redis).await;
            servers.push(FleetServer::new(number, cache, database.clone(), settings));
        }
        servers
    };
    let (leased, early) = (fleet(Plan::Lease).await, fleet(Plan::Early).await);
    assert_eq!(all_read(&leased).await, [Ok(NEW_GAME); 50]);
    assert_eq!(database.loads(), (1, 1));
    assert_eq!(all_read(&early).await, [Ok(NEW_GAME); 50]);
    assert_eq!(database.loads(), (1, 1), "they share its copy");
    redis.kill_9();
    for servers in [leased, early] {
        database.forget_loads();
        assert_eq!(all_read(&servers).await, [Ok(NEW_GAME); 50]);
        assert_eq!(database.loads().0, 50, "each server asks the database");
    }
}
