//! Which database is opened, and what is said where it cannot be.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{PgBouncer, Postgres};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, query};
use stateless_server::store::Database;
use support::server::{PROGRAM, Server, new_game};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

#[tokio::test]
async fn just_the_file_that_is_named_is_opened_whatever_its_name_would_mean_in_a_url() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().join("here");
    fs::create_dir_all(here.join("data")).unwrap();
    fs::create_dir_all(directory.path().join("other/sub")).unwrap();
    symlink("../other/sub", here.join("a")).unwrap();
    for (name, file) in [
        ("my games.db", "here/my games.db"),
        ("games:1.db", "here/games:1.db"),
        ("ga[1].db", "here/ga[1].db"),
        ("a|b.db", "here/a|b.db"),
        ("50%25 #1?.db", "here/50%25 #1?.db"),
        ("file:games.db", "here/file:games.db"),
        (r"C:\games.db", r"here/C:\games.db"),
        ("./../up.db", "up.db"),
        ("data/../games.db", "here/games.db"),
        // `a` is a link: its parent is not the folder that it stands in.
        ("a/../b.db", "other/b.db"),
        ("sqlite:url.db", "here/url.db"),
        ("sqlite:a%20url.db?mode=rwc", "here/a url.db"),
    ] {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--database", name])
            .current_dir(&here);
        let server = Server::spawn(command).await;
        assert_eq!(server.add_game("opera-1858").await.0, 201, "{name}");
        let file = directory.path().join(file);
        assert!(file.is_file(), "{name} is not {}", file.display());
        fs::remove_file(file).unwrap();
    }
}

/// What `serve` says, and its exit code, where it does not begin.
/// Of three servers that began at once, one ended. To switch a file to the log SQLite reads and then wants
/// to write; where another is about to write, it refuses at once, since two who wait so wait for each other.
#[tokio::test]
async fn a_file_that_another_server_holds_while_this_one_begins_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("games.db");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = options.create_if_missing(true).connect().await.unwrap();
    query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let url = format!("sqlite:{}", file.display()).parse().unwrap();
    let mut opening = Box::pin(Database::open(&url));
    let refused = timeout(Duration::from_millis(300), &mut opening).await;
    assert!(refused.is_err(), "it did not wait");
    query("COMMIT").execute(&mut other).await.unwrap();
    opening.await.unwrap();
}

#[tokio::test]
async fn a_file_that_another_program_keeps_to_itself_is_not_waited_for_without_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("games.db");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = options.create_if_missing(true).connect().await.unwrap();
    query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let url = format!("sqlite:{}", file.display()).parse().unwrap();
    let opened = timeout(Duration::from_secs(60), Database::open(&url)).await;
    let Err(refused) = opened.expect("it gives up") else {
        panic!("it is locked");
    };
    assert!(refused.to_string().contains("is busy"), "{refused}");
}

async fn refusal(database: &str) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", database);
    let output = spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_the_reason_once_and_without_the_password() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nowhere.local_addr().unwrap().port();
    drop(nowhere);
    let (code, said) = refusal(&format!("postgres://anna:secret@127.0.0.1:{port}/chess")).await;
    assert_eq!(code, Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(said.matches("refused").count(), 1, "{said}");
    assert!(
        said.contains("anna@127.0.0.1") && !said.contains("secret"),
        "{said}"
    );

    let (code, said) = refusal("no/such/folder/games.db").await;
    assert_eq!(code, Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("no/such/folder/games.db: the database file is gone"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_only_read_is_served_and_may_not_write() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let database = postgres.create_database();
    let owner = Server::serve_with(&["--database", &postgres.url(&database)]).await;
    owner.add_game("opera-1858").await;
    // Tests that run at once share the server, and its users with it.
    let reader = format!("reader_of_{database}");
    postgres.run(
        &database,
        &format!("CREATE USER {reader}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"),
    );
    let url = postgres
        .url(&database)
        .replace("postgres@", &format!("{reader}@"));
    let server = Server::serve_with(&["--database", &url]).await;
    assert_eq!(server.game("opera-1858").await.id.as_str(), "opera-1858");
    let (status, problem) = server.add_game("other").await;
    assert_eq!(
        (status.as_u16(), &problem["error"]),
        (503, &json!("unavailable"))
    );
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("may only read"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pgbouncer_in_session_mode_servers_begin_one_after_the_other_and_play() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&postgres, "session") else {
        return;
    };
    let url = bouncer.url(&postgres.create_database());
    let one = Server::serve_with(&["--database", &url]).await;
    let two = Server::serve_with(&["--database", &url]).await;
    one.add_game("opera-1858").await;
    assert_eq!(two.add_move("opera-1858", "e2e4", Some(1)).await.0, 201);
    assert_eq!(one.moves("opera-1858").await, ["e2e4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pgbouncer_in_transaction_mode_is_named_and_what_to_set() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&postgres, "transaction") else {
        return;
    };
    let database = postgres.create_database();
    // The tables are there, so that nothing but the statements is in question.
    let direct = Server::serve_with(&["--database", &postgres.url(&database)]).await;
    direct.add_game("opera-1858").await;

    let server = Arc::new(Server::serve_with(&["--database", &bouncer.url(&database)]).await);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut number = 0;
    loop {
        assert!(Instant::now() < deadline, "pgbouncer shares no connection");
        // Many at once, so that a statement is prepared on one connection and meant for another.
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..32 {
            number += 1;
            let (server, game) = (Arc::clone(&server), new_game(&format!("game-{number}")));
            asked.spawn(async move { server.try_post("/games", &game).await });
        }
        let answers = asked.join_all().await;
        let refused = answers
            .into_iter()
            .flatten()
            .find(|(status, _)| *status == 503);
        if let Some((_, problem)) = refused {
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains("pool_mode=session"), "{message}");
            return;
        }
    }
}
