//! When the database is full, read-only, busy or gone, a server says so, keeps nothing by
//! halves, and goes on as soon as the database does.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use harness::{Postgres, eventually, skip};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};
use support::TestDatabase;
use support::server::{PROGRAM, Server};

fn is_unavailable((status, problem): (reqwest::StatusCode, Value), says: &str) {
    assert_eq!(
        (status.as_u16(), &problem["error"]),
        (503, &json!("unavailable"))
    );
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains(says) && message.contains("again in a while"),
        "{message}"
    );
}

#[tokio::test]
async fn a_sqlite_file_that_vanishes_is_missed_at_once_and_found_again_when_it_returns() {
    let database = TestDatabase::sqlite();
    let (one, two) = (
        Server::serve(&database).await,
        Server::serve(&database).await,
    );
    one.add_game("opera-1858").await;
    one.add_move("opera-1858", "e2e4", Some(1)).await;

    let elsewhere = database.file().with_extension("away");
    fs::rename(database.file(), &elsewhere).unwrap();
    for server in [&one, &two] {
        is_unavailable(
            server.add_move("opera-1858", "e7e5", Some(2)).await,
            "is gone",
        );
        is_unavailable(server.add_game("other").await, "is gone");
        is_unavailable(server.get("/games/opera-1858").await, "is gone");
        assert_eq!(server.health().await, 503);
    }
    assert!(
        !database.file().exists(),
        "a server must not go on with a new, empty file"
    );

    fs::rename(&elsewhere, database.file()).unwrap();
    assert_eq!(one.moves("opera-1858").await, ["e2e4"]);
    assert_eq!(two.add_move("opera-1858", "e7e5", Some(2)).await.0, 201);
    assert_eq!(one.get("/games/other").await.0, 404);
    assert_eq!(one.health().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_stops_is_missed_and_found_again_when_it_starts() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let name = postgres.create_database();
    let database = TestDatabase::Postgres {
        server: Arc::new(postgres),
        name,
    };
    let TestDatabase::Postgres {
        server: postgres, ..
    } = &database
    else {
        unreachable!()
    };
    let server = Server::serve(&database).await;
    server.add_game("opera-1858").await;
    server.add_move("opera-1858", "e2e4", Some(1)).await;

    postgres.stop();
    is_unavailable(
        server.add_move("opera-1858", "e7e5", Some(2)).await,
        "reached",
    );
    is_unavailable(server.get("/games/opera-1858").await, "reached");

    assert!(postgres.resume());
    eventually("the server finds it again", async || {
        server.health().await == 200
    })
    .await;
    assert_eq!(server.moves("opera-1858").await, ["e2e4"]);
    assert_eq!(server.add_move("opera-1858", "e7e5", Some(2)).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_becomes_read_only_still_answers_those_who_read() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let TestDatabase::Postgres {
        server: postgres,
        name,
    } = &database
    else {
        unreachable!()
    };
    let server = Server::serve(&database).await;
    server.add_game("opera-1858").await;

    // A setting holds for new connections; those that are open are cut.
    let set =
        |value: &str| {
            postgres.run(
                "postgres",
                &format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}"),
            );
            postgres.run("postgres", &format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ));
        };
    set("on");
    eventually("the server has new connections", async || {
        server.health().await == 200
    })
    .await;
    is_unavailable(
        server.add_move("opera-1858", "e2e4", Some(1)).await,
        "read-only",
    );
    is_unavailable(server.add_game("other").await, "read-only");
    assert!(server.moves("opera-1858").await.is_empty());

    set("off");
    eventually("the server has new connections", async || {
        server.health().await == 200
    })
    .await;
    assert_eq!(server.add_move("opera-1858", "e2e4", Some(1)).await.0, 201);
    assert_eq!(server.get("/games/other").await.0, 404);
}

#[tokio::test]
async fn a_read_only_sqlite_file_still_answers_those_who_read() {
    let database = TestDatabase::sqlite();
    let writer = Server::serve(&database).await;
    writer.add_game("opera-1858").await;

    let read_only = format!("sqlite:{}?mode=ro", database.flag());
    let reader = Server::serve_with(&["--database", &read_only]).await;
    is_unavailable(
        reader.add_move("opera-1858", "e2e4", Some(1)).await,
        "read-only",
    );
    is_unavailable(reader.add_game("other").await, "read-only");
    assert!(reader.moves("opera-1858").await.is_empty());

    assert_eq!(writer.add_move("opera-1858", "e2e4", Some(1)).await.0, 201);
    assert_eq!(reader.moves("opera-1858").await, ["e2e4"]);
}

#[tokio::test]
async fn a_full_disk_is_reported_stores_no_half_of_a_game_and_recovers_once_there_is_room() {
    let Some(server) = serve_on_a_small_disk().await else {
        return;
    };
    let process = server.process.id();
    // The disk is mounted for that process alone; this is the way to it from outside.
    let disk = PathBuf::from(format!("/proc/{process}/root{SMALL_DISK}"));
    server.add_game("opera-1858").await;

    let filler = disk.join("filler");
    fill(&filler);
    let mut kept = Vec::new();
    let refused = loop {
        let number = kept.len() as u32 + 1;
        let played = if number % 2 == 1 { "g1f3" } else { "g8f6" };
        let answer = server.add_move("opera-1858", played, Some(number)).await;
        match answer.0.as_u16() {
            201 => kept.push(played),
            _ => break answer,
        }
        assert!(number < 10_000, "the disk is never full");
    };
    is_unavailable(refused, "full");
    is_unavailable(server.add_game("other").await, "full");
    assert_eq!(
        server.moves("opera-1858").await,
        kept,
        "readers see what was accepted"
    );

    fs::remove_file(&filler).unwrap();
    let next = kept.len() as u32 + 1;
    assert_eq!(
        server.add_move("opera-1858", "a2a3", Some(next)).await.0,
        201
    );
    kept.push("a2a3");
    assert_eq!(server.moves("opera-1858").await, kept);
    assert_eq!(server.get("/games/other").await.0, 404);
}

#[tokio::test]
async fn a_locked_database_is_busy_until_it_is_unlocked() {
    let database = TestDatabase::sqlite();
    let server = Server::serve(&database).await;
    server.add_game("opera-1858").await;
    let url = format!("sqlite:{}", database.flag());
    let mut other = SqliteConnection::connect(&url).await.unwrap();

    other.execute("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(
        server.game("opera-1858").await.moves,
        [],
        "readers do not wait for a writer"
    );
    is_unavailable(server.add_move("opera-1858", "e2e4", Some(1)).await, "busy");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(server.add_move("opera-1858", "e2e4", Some(1)).await.0, 201);
}

/// It waited for the statement, and had not ended after 40 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_end_ends_although_postgres_does_not_answer() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let database = postgres.create_database();
    let server = Arc::new(Server::serve_with(&["--database", &postgres.url(&database)]).await);
    server.add_game("opera-1858").await;
    let _frozen = postgres.freeze();
    let mover = Arc::clone(&server);
    let playing = tokio::spawn(async move { mover.add_move("opera-1858", "e2e4", None).await });
    // Answered after the request's own deadline.
    let (status, _) = playing.await.unwrap();
    assert_eq!(status, 503);
    server.process.signal("TERM");
    let server = Arc::into_inner(server).expect("the mover has ended");
    assert!(server.wait().await.success());
}

/// Where the small disk is mounted, for those who see it.
const SMALL_DISK: &str = "/mnt";

/// A server whose database is on a disk of 1 MiB; `None` where the system lets us mount none.
async fn serve_on_a_small_disk() -> Option<Server> {
    let mount = format!("mount -t tmpfs -o size=1m tmpfs {SMALL_DISK}");
    let unshare = ["--map-root-user", "--mount", "sh", "-ec"];
    let can_mount = Command::new("unshare").args(unshare).arg(&mount).output();
    if !can_mount.is_ok_and(|tried| tried.status.success()) {
        skip(
            "this system mounts no disk for a test",
            "run it on Linux with user namespaces",
        );
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(unshare).args([
        &format!(
            "{mount}; exec \"$0\" serve --listen 127.0.0.1:0 --database {SMALL_DISK}/games.db"
        ),
        PROGRAM,
    ]);
    Some(Server::spawn(command).await)
}

/// Writes until nothing more fits.
fn fill(filler: &Path) {
    let mut filler = fs::File::create(filler).unwrap();
    for size in [4096, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}
