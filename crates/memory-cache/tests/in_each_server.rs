//! Lesson 2: a cache in each server's memory.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::eventually;
use memory_cache::cached::Cached;
use memory_cache::counted::Counts;
use stateless_server::store::{Store, StoreError};
use support::{HeldStore, a_move, game, id, moves, reading};
use tokio::task::JoinSet;

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// One server's cache over a store.
fn server(store: &HeldStore, time_to_live: Duration, capacity: u64) -> Cached<HeldStore> {
    Cached::new(
        store.clone(),
        time_to_live,
        capacity,
        Arc::new(Counts::default()),
    )
}

#[tokio::test]
async fn a_second_read_does_not_ask_the_database() {
    let store = HeldStore::with([game("opera")]);
    let counts = Arc::new(Counts::default());
    let server = Cached::new(store.clone(), AN_HOUR, 10, Arc::clone(&counts));
    for _ in 0..5 {
        assert_eq!(moves(&server, "opera").await, 0);
    }
    assert_eq!(store.loads(), 1);
    let counted = counts.read();
    assert_eq!((counted.hits, counted.misses), (4, 1));
    assert_eq!(server.entries().await, 1);
}

#[tokio::test]
async fn of_a_hundred_concurrent_reads_one_asks_the_database() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    store.hold();
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let server = server.clone();
        readers.spawn(async move { moves(&server, "opera").await });
    }
    eventually("the one load has begun", async || store.loads() == 1).await;
    store.let_go();
    assert_eq!(readers.join_all().await, [0; 100]);
    assert_eq!(store.loads(), 1);
}

#[tokio::test]
async fn a_failed_load_is_an_error_for_all_who_wait_and_is_not_kept() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    store.fail(true);
    store.hold();
    let mut readers = JoinSet::new();
    for _ in 0..10 {
        let server = server.clone();
        readers.spawn(async move { server.game(&id("opera")).await.is_err() });
    }
    eventually("the one load has begun", async || store.loads() == 1).await;
    store.let_go();
    assert_eq!(readers.join_all().await, [true; 10]);
    store.fail(false);
    assert_eq!(moves(&server, "opera").await, 0, "the next read asks again");
}

/// Eight clients that gave up after 0.6 s began eight loads of one second, and none was kept.
#[tokio::test]
async fn a_load_continues_after_its_client_has_disconnected() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    store.hold();
    let reader = reading(&server, "opera");
    eventually("the load has begun", async || store.loads() == 1).await;
    reader.abort();
    reader.await.unwrap_err();
    store.let_go();
    eventually("the copy is kept", async || server.entries().await == 1).await;
    assert_eq!(moves(&server, "opera").await, 0);
    assert_eq!(store.loads(), 1);
}

#[tokio::test]
async fn a_move_whose_client_has_gone_is_shown_by_the_server_that_stored_it() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    moves(&server, "opera").await;
    store.abort_a_move(&server, "opera").await;
    eventually("the move is shown", async || {
        moves(&server, "opera").await == 1
    })
    .await;
}

#[tokio::test]
async fn a_move_during_a_load_leaves_no_old_copy_behind() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    store.hold();
    let reader = reading(&server, "opera");
    // The load has read the game without the move, and has not ended.
    eventually("the load has begun", async || store.loads() == 1).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    store.let_go();
    // Whatever the reader got, a read from now on has the move.
    reader.await.unwrap();
    assert_eq!(moves(&server, "opera").await, 1);
    assert_eq!(moves(&server, "opera").await, 1);
}

#[tokio::test]
async fn a_load_that_outlives_the_time_to_live_leaves_no_old_copy_behind_either() {
    let store = HeldStore::with([game("opera")]);
    let short = Duration::from_millis(20);
    let server = server(&store, short, 10);
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
    assert_eq!(reader.await.unwrap(), 1, "the load was read once more");
}

#[tokio::test]
async fn a_client_whose_move_is_too_late_reads_the_move_that_was_stored() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    moves(&server, "opera").await;
    store.play_elsewhere(&id("opera"));
    let refused = server.add_move(&id("opera"), a_move(), Some(1)).await;
    assert!(matches!(refused, Err(StoreError::NotNext { moves: 1, .. })));
    assert_eq!(moves(&server, "opera").await, 1);
}

#[tokio::test]
async fn all_who_find_an_old_copy_wait_for_one_load_and_are_counted() {
    let store = HeldStore::with([game("opera")]);
    let counts = Arc::new(Counts::default());
    let server = Cached::new(store.clone(), AN_HOUR, 10, Arc::clone(&counts));
    store.hold();
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let server = server.clone();
        readers.spawn(async move { moves(&server, "opera").await });
    }
    eventually("the load has begun", async || store.loads() == 1).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    store.let_go();
    assert_eq!(readers.join_all().await, [1; 100]);
    let counted = counts.read();
    assert!(counted.misses <= 100, "{counted:?}");
    assert_eq!(counted.misses, store.loads(), "a miss is a load");
}

#[tokio::test]
async fn a_change_of_a_quiet_game_is_kept_in_mind_among_busy_ones() {
    let busy: Vec<_> = (0..50)
        .map(|number| game(&format!("busy-{number}")))
        .collect();
    let store = HeldStore::with(busy.iter().cloned().chain([game("opera")]));
    let server = server(&store, AN_HOUR, 10);
    let play = async |game: &game::Game| {
        for _ in 0..20 {
            server.add_move(&game.id, a_move(), None).await.unwrap();
            moves(&server, game.id.as_str()).await;
        }
    };
    for game in &busy {
        play(game).await;
    }
    let before = store.loads();
    store.hold();
    let reader = reading(&server, "opera");
    eventually("the load has begun", async || store.loads() > before).await;
    server.add_move(&id("opera"), a_move(), None).await.unwrap();
    store.let_go();
    for game in &busy[45..] {
        play(game).await;
    }
    reader.await.unwrap();
    assert_eq!(moves(&server, "opera").await, 1);
}

#[tokio::test]
async fn a_move_through_one_server_is_old_news_to_another_until_its_copy_ends() {
    let store = HeldStore::with([game("opera")]);
    let short = Duration::from_millis(300);
    let servers = [server(&store, AN_HOUR, 10), server(&store, short, 10)];
    for server in &servers {
        moves(server, "opera").await;
    }
    servers[0]
        .add_move(&id("opera"), a_move(), None)
        .await
        .unwrap();
    assert_eq!(moves(&servers[0], "opera").await, 1, "it forgot its copy");
    eventually("the other server reads anew", async || {
        moves(&servers[1], "opera").await == 1
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_used_although_another_server_has_played_a_move() {
    let store = HeldStore::with([game("opera")]);
    let server = server(&store, AN_HOUR, 10);
    moves(&server, "opera").await;
    store.play_elsewhere(&id("opera"));
    assert_eq!(
        moves(&server, "opera").await,
        0,
        "that is what a cache costs"
    );
}

#[tokio::test]
async fn whatever_ids_are_asked_for_no_more_copies_are_kept_than_the_capacity() {
    let games = (0..500).map(|number| game(&format!("game-{number}")));
    let store = HeldStore::with(games);
    let server = server(&store, AN_HOUR, 10);
    for number in 0..500 {
        moves(&server, &format!("game-{number}")).await;
        assert!(
            server
                .game(&id(&format!("nothing-{number}")))
                .await
                .is_err()
        );
    }
    assert!(server.entries().await <= 10);
}
