//! How one server begins, listens and ends.

#![allow(clippy::unwrap_used)]

mod support;

use std::future::pending;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use game::{Game, GameId, Move};
use harness::{Process, eventually};
use program::http;
use stateless_server::api;
use stateless_server::store::{Added, Store, StoreError};
use support::on_both_databases;
use support::server::{PROGRAM, Server, new_game};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// On a clock that nobody waits for.
const AN_HOUR: Duration = Duration::from_secs(3600);

on_both_databases! {
    async fn on_sigterm_a_request_under_way_is_answered_and_then_the_server_ends_with_code_0(
        database
    ) {
        let server = Server::serve(database).await;
        let address = server.url.strip_prefix("http://").unwrap().to_owned();
        let body = new_game("last-words").to_string();
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /games HTTP/1.1\r\nhost: {address}\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        // "100 Continue" is what a server says once it waits for the body.
        assert!(read_until(&mut connection, "\r\n\r\n").await.starts_with("HTTP/1.1 100 "));

        server.process.signal("TERM");
        eventually("nobody new is let in", async || TcpStream::connect(&address).await.is_err())
            .await;
        connection.write_all(body.as_bytes()).await.unwrap();
        let answer = read_until(&mut connection, "}").await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(server.wait().await.success());

        let next = Server::serve(database).await;
        assert_eq!(next.game("last-words").await.white_player, "Morphy");
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_server_with_code_0() {
    let server = Server::serve_with(&["--in-memory"]).await;
    server.process.signal("INT");
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_keep_a_server_from_ending() {
    let server = Server::serve_with(&["--in-memory"]).await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let silent = TcpStream::connect(&address).await.unwrap();
    assert_eq!(server.health().await, 200);
    server.process.signal("TERM");
    assert!(server.wait().await.success());
    drop(silent);
}

#[test]
fn a_server_that_a_program_started_ends_with_the_programs_pipe() {
    let mut server = started_by_a_program();
    server.close_input();
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_so_where_the_port_was_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = failure(&["serve", "--in-memory", "--listen", &address], "").await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&address) && said.contains("choose another port"),
        "{said}"
    );
}

#[tokio::test]
async fn invalid_flags_end_with_code_2_and_say_what_to_write_instead() {
    for (flags, says) in [
        (
            &["serve", "--database", "mysql://host/x"][..],
            "sqlite:FILE",
        ),
        (&["serve", "--database", "sqlite::memory:"], "--in-memory"),
        (&["serve", "--database", ":memory:"], "--in-memory"),
        (
            &["serve", "--database", "sqlite:x?mode=memory"],
            "--in-memory",
        ),
        (&["serve", "--database", ""], "FILE"),
        (&["serve", "--database", "sqlite:x?mode=write"], "mode"),
        (&["serve", "--database", "postgres://host:port/x"], "port"),
        (
            &["serve", "--database", "x", "--in-memory"],
            "cannot be used with",
        ),
        (&["serve", "--listen", "8080"], "127.0.0.1:8080"),
        (&["serve", "--listen", ":8080"], "127.0.0.1:8080"),
        (&["serve", "--listen", "127.0.0.1:99999"], "127.0.0.1:8080"),
        (&["demo", "--games", "0"], "1..=9999"),
        (&["demo", "--pace", "soon"], "5ms"),
        (&["demo", "--pace", "1h"], "ten seconds"),
        (&["demo", "--seed", "x"], "--seed"),
        (&["play"], "Usage"),
        (&[], "demo"),
    ] {
        let (code, said) = failure(flags, "").await;
        assert_eq!(code, Some(2), "{flags:?}: {said}");
        assert!(said.contains(says), "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn an_invalid_database_url_in_the_environment_ends_with_code_2_and_keeps_the_password_secret()
{
    let (code, said) = failure(&["serve"], "mysql://user:secret@host/x").await;
    assert_eq!(code, Some(2));
    assert!(
        said.contains("DATABASE_URL") && !said.contains("secret"),
        "{said}"
    );
}

#[tokio::test]
async fn an_invalid_database_is_refused_with_code_2_and_its_password_is_printed_by_nothing() {
    for url in [
        "host=localhost user=chess password=secret",
        "Server=localhost;Password=secret",
        "postgres//chess:secret@localhost/chess",
        "postgres://chess:12?secret@localhost/chess",
        "postgres://chess:secret@localhost:port/chess",
        "mysql://chess:secret@localhost/chess",
    ] {
        for (flags, variable) in [
            (&["serve", "--listen=127.0.0.1:0"][..], url),
            (&["serve", "--database", url], ""),
        ] {
            let (code, printed) = failure(flags, variable).await;
            assert_eq!(code, Some(2), "{url}: {printed}");
            assert!(
                printed.contains("postgres://") || printed.contains("address"),
                "{printed}"
            );
            assert!(!printed.contains("secret"), "{printed}");
        }
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_ends_with_code_1_and_keeps_the_password_secret() {
    let missing = "/nowhere/at/all/games.db";
    let (code, said) = failure(&["serve", "--database", missing], "").await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains(missing) && said.contains("unable to open"),
        "{said}"
    );

    let nobody = free_address().await;
    let url = format!("postgres://user:secret@{nobody}/chess?password=secret");
    let (code, said) = failure(&["serve"], &url).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&format!("postgres://user@{nobody}/chess")),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_cannot_keep_a_server_from_ending() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // More than the system keeps for somebody who does not read.
    let long = Router::new().route("/", get(async || vec![b'x'; 64 << 20]));
    let (end, asked_to_end) = oneshot::channel::<()>();
    let running = tokio::spawn(http::serve(listener, long, async {
        _ = asked_to_end.await;
    }));
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    connection.write_all(request).await.unwrap();
    assert!(
        read_until(&mut connection, "xxx")
            .await
            .starts_with("HTTP/1.1 200 ")
    );

    // The clock jumps ahead whenever all wait for it, so nobody here really waits.
    end.send(()).unwrap();
    timeout(AN_HOUR, running).await.unwrap().unwrap();
}

#[test]
fn a_server_whose_input_is_open_ends_at_the_first_signal_whichever_it_is() {
    for name in ["INT", "TERM", "HUP"] {
        let mut server = started_by_a_program();
        server.signal(name);
        assert_eq!(server.wait().code(), Some(0), "{name}");
    }
}

/// A server whose standard input is a pipe, and that ends when it is closed.
fn started_by_a_program() -> Process {
    let server = Process::start(
        Command::new(PROGRAM)
            .args(["serve", "--in-memory", "--listen", "127.0.0.1:0"])
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped()),
    );
    // Its address is printed when signals are taken.
    server.until_output("listening on ");
    server
}

#[tokio::test]
async fn a_second_signal_ends_a_server_immediately() {
    let server = Server::serve_with(&["--in-memory"]).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&address).await.unwrap();
    // A request under way: the server asks for its body, which does not come.
    let head = "POST /games HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 9\r\nexpect: 100-continue\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut connection, "100 Continue").await;
    server.process.signal("TERM");
    eventually("it accepts no more", async || {
        TcpStream::connect(&address).await.is_err()
    })
    .await;
    server.process.signal("INT");
    assert_eq!(server.wait().await.code(), Some(1));
}

#[tokio::test]
async fn a_server_without_descriptors_says_so_and_goes_on_when_they_come_back() {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -n 64; exec \"$0\" serve --in-memory --listen 127.0.0.1:0",
        PROGRAM,
    ]);
    let server = Server::spawn(command).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut half_open = Vec::new();
    for _ in 0..100 {
        half_open.push(TcpStream::connect(&address).await.unwrap());
    }
    eventually("it says that it accepts no more", async || {
        server
            .process
            .output()
            .contains("cannot accept a new connection until others end")
    })
    .await;
    drop(half_open);
    eventually("it answers again", async || server.health().await == 200).await;
    let output = server.process.output();
    assert_eq!(output.matches("cannot accept").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_never_answers_lets_no_request_wait_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/games", listener.local_addr().unwrap());
    tokio::spawn(http::serve(listener, api::router(Silent), pending()));

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for answer in [
        http.get(&url).send(),
        http.post(&url).json(&new_game("x")).send(),
    ] {
        let answer = timeout(AN_HOUR, answer).await.unwrap().unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["error"], "not_in_time");
        let message = problem["message"].as_str().unwrap();
        assert!(
            message.contains("what was done is not done twice"),
            "{message}"
        );
    }
}

/// A store that was asked and says nothing.
#[derive(Clone)]
struct Silent;

impl Store for Silent {
    async fn add_game(&self, _: &Game) -> Result<Added, StoreError> {
        pending().await
    }

    async fn add_move(
        &self,
        _: &GameId,
        _: Move,
        _: Option<u32>,
    ) -> Result<(Added, u32), StoreError> {
        pending().await
    }

    async fn game(&self, _: &GameId) -> Result<Game, StoreError> {
        pending().await
    }

    async fn games(&self, _: Option<&GameId>, _: u32) -> Result<Vec<Game>, StoreError> {
        pending().await
    }
}

/// Runs a command that must fail, and gives its code and what it said.
async fn failure(flags: &[&str], database_url: &str) -> (Option<i32>, String) {
    let mut command = process::Command::new(PROGRAM);
    command
        .args(flags)
        .env("DATABASE_URL", database_url)
        .kill_on_drop(true);
    let ended = command.stdin(Stdio::null()).output().await.unwrap();
    (
        ended.status.code(),
        String::from_utf8(ended.stderr).unwrap(),
    )
}

/// An address where nobody listens.
async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn read_until(connection: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut buffer = [0; 1024];
        let length = connection.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "the server hung up after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}
