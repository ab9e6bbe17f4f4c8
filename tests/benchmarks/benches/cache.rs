//! What one read of a game costs from a cache, a Redis and a database, on one thread and on two:
//! `cargo bench -p lesson-benches --bench cache`.
//!
//! Each figure is the median of nine runs in the same process, and its ratio to a bare map's.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use game::{Game, GameId};
use harness::RedisServer;
use memory_cache::cached::Cached;
use memory_cache::counted::Counts;
use redis::AsyncCommands;
use stateless_server::DatabaseUrl;
use stateless_server::store::{Database, Store};
use tokio::runtime::Builder;

const RUNS: usize = 9;

// One row of the table after the other, so it is as long as the table.
fn main() -> anyhow::Result<()> {
    let game = Game {
        moves: game::famous()[0].moves[..40].to_vec(),
        ..game::famous().swap_remove(0)
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let directory = tempfile::tempdir()?;
    let url = DatabaseUrl::sqlite(directory.path().join("games.db"));
    let database = runtime.block_on(Database::open(&url))?;
    runtime.block_on(database.add_game(&game))?;

    let map = Arc::new(RwLock::new(HashMap::from([(
        game.id.clone(),
        Arc::new(game.clone()),
    )])));
    let bare = move |id: GameId| {
        let map = Arc::clone(&map);
        async move {
            let copy = {
                let map = map.read().unwrap_or_else(PoisonError::into_inner);
                map.get(&id).cloned()
            };
            black_box(copy.map(Arc::unwrap_or_clone));
        }
    };
    let hour = Duration::from_secs(3_600);
    let cached = Cached::new(database.clone(), hour, 10_000, Arc::new(Counts::default()));
    let moka = move |id: GameId| {
        let cached = cached.clone();
        async move { drop(black_box(cached.game(&id).await)) }
    };
    let sqlite = move |id: GameId| {
        let database = database.clone();
        async move { drop(black_box(database.game(&id).await)) }
    };

    println!(
        "{:34} {:>16} {:>16}",
        "ns for one read of a game", "one thread", "two threads"
    );
    let id = &game.id;
    let first = [1, 2].map(|tasks| median(&runtime, tasks, 20_000, id, &bare));
    row("a bare RwLock<HashMap>", first, first);
    let figures = [1, 2].map(|tasks| median(&runtime, tasks, 20_000, id, &moka));
    row("moka, in Cached", figures, first);
    if let Some(redis) = RedisServer::start() {
        let client = redis::Client::open(redis.url())?;
        let connection = runtime.block_on(client.get_multiplexed_async_connection())?;
        let json = serde_json::to_string(&game)?;
        runtime.block_on(connection.clone().set::<_, _, ()>(id.as_str(), json))?;
        let get = move |id: GameId| {
            let mut connection = connection.clone();
            async move {
                let json: Result<String, _> = connection.get(id.as_str()).await;
                let game = json
                    .ok()
                    .and_then(|json| serde_json::from_str::<Game>(&json).ok());
                black_box(game);
            }
        };
        let figures = [1, 2].map(|tasks| median(&runtime, tasks, 2_000, id, &get));
        row("a Redis GET on loopback", figures, first);
    }
    let figures = [1, 2].map(|tasks| median(&runtime, tasks, 2_000, id, &sqlite));
    row("SQLite through the pool", figures, first);
    Ok(())
}

fn row(name: &str, figures: [f64; 2], first: [f64; 2]) {
    let cell = |at: usize| format!("{:.0} ({:.1} x)", figures[at], figures[at] / first[at]);
    println!("{name:34} {:>16} {:>16}", cell(0), cell(1));
}

/// Nanoseconds for one read, when so many tasks read side by side.
fn median<F: Future<Output = ()> + Send>(
    runtime: &tokio::runtime::Runtime,
    tasks: usize,
    reads: usize,
    id: &GameId,
    read: &(impl Fn(GameId) -> F + Clone + Send + 'static),
) -> f64 {
    let run = || {
        let began = Instant::now();
        let tasks = (0..tasks).map(|_| {
            let (read, id) = (read.clone(), id.clone());
            runtime.spawn(async move {
                for _ in 0..reads {
                    read(id.clone()).await;
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            runtime.block_on(task).expect("a read does not panic");
        }
        began.elapsed().as_nanos() as f64 / reads as f64
    };
    let mut runs: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    runs.sort_unstable_by(f64::total_cmp);
    runs[RUNS / 2]
}
