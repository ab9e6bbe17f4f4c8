//! Lesson 4 with the real programs in front: HAProxy and nginx.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use harness::signal;
use program::supervisor::Supervisor;
use serde_json::json;
use sticky_rooms::fleet::{Fleet, SERVERS, address};
use sticky_rooms::proxy::{Output, Program, Proxy, ProxySettings};
use sticky_rooms::router::owner::By;
use sticky_rooms::server::Options;
use support::{Fixture, NEVER, SPELLINGS, TIMEOUT, Visitor, answer, handshake, is_missing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

const ROOMS: usize = 300;

/// The proxy on a free port. One that was free a moment ago can be lost: then another is tried.
async fn start(program: Program, by: By, servers: &[SocketAddr]) -> (Proxy, SocketAddr) {
    for _ in 0..5 {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = free.local_addr().unwrap();
        drop(free);
        let settings = ProxySettings {
            program,
            by,
            listen,
            servers,
        };
        let supervisor = Supervisor::at(env!("CARGO_BIN_EXE_sticky-rooms"));
        if let Ok(proxy) = Proxy::start(&supervisor, settings, Output::Hidden).await {
            return (proxy, listen);
        }
    }
    panic!("{} does not start", program.name());
}

/// In how many of 300 rooms both players reach one server.
async fn meet(program: Program, by: By) -> usize {
    let fixture = Fixture::new();
    let mut servers = Vec::new();
    for number in 1..=3 {
        servers.push(fixture.server(number, NEVER).await);
    }
    let (_proxy, listen) = start(program, by, &servers).await;
    let mut together = 0;
    for number in 1..=ROOMS {
        let room = format!("room-{number}");
        let white = Visitor::enter_as(listen, &room, &format!("white-{number}")).await;
        let black = Visitor::enter_as(listen, &room, &format!("black-{number}")).await;
        together += usize::from(white.whole["server"] == black.whole["server"]);
    }
    together
}

async fn players_meet_by_room_only(program: Program) {
    if is_missing(program) {
        return;
    }
    assert_eq!(meet(program, By::Room).await, ROOMS);
    assert_eq!(meet(program, By::Turns).await, 0);
    let by_user = meet(program, By::User).await;
    assert!((60..140).contains(&by_user), "by user {by_user}");
}

#[tokio::test]
async fn behind_haproxy_players_meet_by_room_and_seldom_otherwise() {
    players_meet_by_room_only(Program::Haproxy).await;
}

#[tokio::test]
async fn behind_nginx_players_meet_by_room_and_seldom_otherwise() {
    players_meet_by_room_only(Program::Nginx).await;
}

/// What a stranger asks for to reach another server than the room's, where the player counts as away.
async fn a_stranger_reaches_no_other_server(program: Program) {
    if is_missing(program) {
        return;
    }
    let fixture = Fixture::new();
    let mut servers = Vec::new();
    for number in 1..=3 {
        servers.push(fixture.server(number, NEVER).await);
    }
    let (_proxy, listen) = start(program, By::Room, &servers).await;
    for spelling in SPELLINGS {
        let response = answer(listen, &handshake(spelling, "connection: close\r\n")).await;
        assert!(
            response.starts_with("HTTP/1.1 400 "),
            "{spelling}: {response}"
        );
    }
    let response = answer(
        listen,
        &handshake("/rooms/opera-1858", "x-routed-path: /x\r\n"),
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");

    let home = Visitor::enter(listen, "opera-1858").await.whole["server"].clone();
    for first in ["/healthz", "/rooms/other-1", "/rooms/other-2", "/page.js"] {
        let mut stream = TcpStream::connect(listen).await.unwrap();
        get(&mut stream, first).await;
        let visitor = Visitor::connect_over(stream, "opera-1858", None).await;
        assert_eq!(visitor.unwrap().whole["server"], home, "after {first}");
    }
}

/// Reads one answer whole, and leaves the connection open.
async fn get(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "{path}");
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() >= length {
            assert!(head.starts_with("http/1.1 200"), "{head}");
            return;
        }
    }
}

#[tokio::test]
async fn behind_haproxy_a_stranger_reaches_no_other_server_than_the_rooms() {
    a_stranger_reaches_no_other_server(Program::Haproxy).await;
}

#[tokio::test]
async fn behind_nginx_a_stranger_reaches_no_other_server_than_the_rooms() {
    a_stranger_reaches_no_other_server(Program::Nginx).await;
}

/// What a browser sends that has many cookies of other programs on `localhost`.
async fn many_cookies_pass(program: Program) {
    if is_missing(program) {
        return;
    }
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let (_proxy, listen) = start(program, By::Room, &[server; 3]).await;
    let big = format!("cookie: {}\r\n", "x".repeat(17_000));
    for lines in [big, "cookie: a=b\r\n".repeat(200)] {
        let response = answer(listen, &handshake("/rooms/opera-1858", &lines)).await;
        assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    }
}

#[tokio::test]
async fn behind_haproxy_seventeen_kilobytes_of_cookies_pass() {
    many_cookies_pass(Program::Haproxy).await;
}

#[tokio::test]
async fn behind_nginx_seventeen_kilobytes_of_cookies_pass() {
    many_cookies_pass(Program::Nginx).await;
}

/// Comes back with a token, to another server than `not`.
async fn back(proxy: SocketAddr, seat: &str, token: &str, not: u64) -> Visitor {
    let until = Instant::now() + TIMEOUT;
    loop {
        let mut visitor = Visitor::reenter(proxy, "room").await;
        if visitor.whole["server"] != not {
            visitor.join(seat, Some(token)).await;
            return visitor;
        }
        assert!(Instant::now() < until, "the room stays on server {not}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A server is lost by this signal; its players go on elsewhere, and meet again when it is back.
async fn a_server_is_lost(program: Program, signal_name: &str) {
    if is_missing(program) {
        return;
    }
    let fixture = Fixture::new();
    let fleet = Fleet {
        program: env!("CARGO_BIN_EXE_sticky-rooms").into(),
        database: fixture.url(),
        look_every: Duration::from_millis(200),
        options: Options::default(),
    };
    let mut servers = fleet.start_all(SERVERS).await.unwrap();
    let addresses: Vec<_> = servers
        .iter()
        .map(|server| address(server).unwrap())
        .collect();
    let (_proxy, listen) = start(program, By::Room, &addresses).await;
    let mut white = Visitor::sit(listen, "room", "white").await;
    let mut black = Visitor::sit(listen, "room", "black").await;
    white.play(1, "e2e4").await;
    black.play(2, "e7e5").await;

    let home = white.whole["server"].as_u64().unwrap();
    let lost = home as usize - 1;
    signal(servers[lost].process, signal_name);
    assert_ne!(white.closed().await, Some(1000), "it was cut, not closed");
    let mut white = back(listen, "white", &white.token, home).await;
    let mut black = back(listen, "black", &black.token, home).await;
    assert_eq!(white.whole["server"], black.whole["server"]);
    assert_eq!(white.whole["moves"], json!(["e2e4", "e7e5"]));
    white.play(3, "g1f3").await;
    assert_eq!(black.receive("move").await["move"], "g1f3");

    // It is back: white reloads and is at home, black stays where it is and sees a stale board.
    match signal_name {
        "KILL" => {
            drop(servers.remove(lost));
            servers.push(fleet.start(home as usize, addresses[lost]).await.unwrap());
        }
        _ => signal(servers[lost].process, "CONT"),
    }
    let away = white.whole["server"].as_u64().unwrap();
    let mut white = back(listen, "white", &white.token, away).await;
    assert_eq!(white.whole["server"], home);
    black.play(4, "b8c6").await;
    assert_eq!(
        white.closed().await,
        Some(1012),
        "the database is ahead of its board"
    );
    let white = Visitor::reenter(listen, "room").await;
    assert_eq!(white.whole["moves"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn behind_haproxy_a_killed_servers_players_go_on_and_meet_again() {
    a_server_is_lost(Program::Haproxy, "KILL").await;
}

#[tokio::test]
async fn behind_haproxy_a_frozen_servers_players_go_on_and_meet_again() {
    a_server_is_lost(Program::Haproxy, "STOP").await;
}

#[tokio::test]
async fn behind_nginx_a_killed_servers_players_go_on_and_meet_again() {
    a_server_is_lost(Program::Nginx, "KILL").await;
}

#[tokio::test]
async fn behind_nginx_a_frozen_servers_players_go_on_and_meet_again() {
    a_server_is_lost(Program::Nginx, "STOP").await;
}
