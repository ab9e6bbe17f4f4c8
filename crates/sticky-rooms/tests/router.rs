//! Lesson 4: what our router passes on, and what it answers itself.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use program::origin::Forwarded;
use sticky_rooms::control::ControlToken;
use sticky_rooms::router::Router;
use sticky_rooms::router::owner::{By, owner};
use sticky_rooms::server::Options;
use support::{Fixture, NEVER, SPELLINGS, TIMEOUT, Visitor, answer, handshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, timeout};

/// Three servers in this process, and our router in front of them.
async fn served(fixture: &Fixture) -> (SocketAddr, Vec<SocketAddr>) {
    let mut servers = Vec::new();
    for number in 1..=3 {
        servers.push(fixture.server(number, NEVER).await);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Router::new(By::Room, servers.clone(), Options::default()).run(listener));
    (address, servers)
}

#[tokio::test]
async fn a_room_has_one_spelling_and_every_other_one_is_refused() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    for spelling in SPELLINGS {
        let response = answer(router, &handshake(spelling, "")).await;
        assert!(
            response.starts_with("HTTP/1.1 400 "),
            "{spelling}: {response}"
        );
    }
    let response = answer(router, "GET /rooms/a%20b HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(response.contains("1 to 64 letters"), "{response}");
}

#[tokio::test]
async fn the_page_may_load_what_its_server_serves_and_no_inline_script_or_style() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    for path in ["/rooms/opera-1858", "/page.css", "/page.js"] {
        let response = answer(
            router,
            &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        )
        .await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let policy =
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';";
        assert!(head.contains(policy), "{path}: {head}");
        for inline in [
            "unsafe-inline",
            "<style",
            "style=",
            "onclick=\"",
            "javascript:",
        ] {
            assert!(!response.contains(inline), "{path}: {inline}");
        }
        assert_eq!(
            body.matches("<script").count(),
            body.matches("<script src=").count()
        );
    }
}

#[tokio::test]
async fn a_second_request_on_a_connection_does_not_reach_the_first_ones_server() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    for first in ["/healthz", "/page.js", "/rooms/other"] {
        // All in one write: the second request has arrived before the first is answered.
        let two = format!(
            "GET {first} HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n{}",
            handshake("/rooms/opera-1858", "")
        );
        let response = answer(router, &two).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(!response.contains("HTTP/1.1 101 "), "{first}: {response}");
    }
    // A handshake that the server refuses, and another one behind it.
    let refused = handshake("/rooms/other", "sec-websocket-version: 12\r\n")
        .replace("sec-websocket-version: 13\r\n", "");
    let two = format!("{refused}{}", handshake("/rooms/opera-1858", ""));
    let response = answer(router, &two).await;
    assert!(!response.contains("HTTP/1.1 101 "), "{response}");
}

#[tokio::test]
async fn a_body_is_not_passed_on_as_a_second_request() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    let smuggled = handshake("/rooms/opera-1858", "");
    for length in [
        format!("content-length: {}\r\n", smuggled.len()),
        "content-length: 0\r\n".to_owned(),
        "transfer-encoding: chunked\r\n".to_owned(),
    ] {
        let request = format!("GET /page.js HTTP/1.1\r\nhost: x\r\n{length}\r\n{smuggled}");
        let response = answer(router, &request).await;
        assert!(!response.contains("HTTP/1.1 101 "), "{length}: {response}");
    }
}

#[tokio::test]
async fn a_server_refuses_a_handshake_that_was_routed_by_another_rooms_path() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let routed = |path: &str| handshake("/rooms/opera-1858", &format!("x-routed-path: {path}\r\n"));
    let response = answer(server, &routed("/rooms/opera-1858")).await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    for path in ["/rooms/opera-1858#x", "/rooms/other", ""] {
        let response = answer(server, &routed(path)).await;
        assert!(response.starts_with("HTTP/1.1 421 "), "{path}: {response}");
    }
    let twice = "x-routed-path: /rooms/opera-1858\r\nx-routed-path: /rooms/other\r\n";
    let response = answer(server, &handshake("/rooms/opera-1858", twice)).await;
    assert!(response.starts_with("HTTP/1.1 421 "), "{response}");
}

#[tokio::test]
async fn the_router_says_itself_which_path_it_used() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    let response = answer(
        router,
        &handshake("/rooms/opera-1858", "x-routed-path: /rooms/x\r\n"),
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
}

#[tokio::test]
async fn a_query_changes_no_room() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    let visitor = Visitor::enter(router, "opera-1858?v=2").await;
    let home = owner("opera-1858", &[1, 2, 3]).unwrap();
    assert_eq!(visitor.whole["server"], home);
}

#[tokio::test]
async fn a_connection_header_of_two_lines_is_one_list() {
    let fixture = Fixture::new();
    let (router, servers) = served(&fixture).await;
    let two = handshake("/rooms/opera-1858", "").replace(
        "connection: upgrade\r\n",
        "connection: keep-alive\r\nconnection: Upgrade\r\n",
    );
    for address in [router, servers[0]] {
        let response = answer(address, &two).await;
        assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    }
}

#[tokio::test]
async fn seventeen_kilobytes_of_cookies_pass_and_seventy_are_refused_with_the_reason() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    let cookies = |kilobytes: usize| {
        let cookie = format!("cookie: {}\r\n", "x".repeat(1_000));
        handshake("/rooms/opera-1858", &cookie.repeat(kilobytes))
    };
    let response = answer(router, &cookies(17)).await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    let many = handshake("/rooms/opera-1858", &"cookie: a=b\r\n".repeat(200));
    let response = answer(router, &many).await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    for request in [
        cookies(70),
        handshake("/rooms/opera-1858", &"cookie: a=b\r\n".repeat(300)),
    ] {
        let response = answer(router, &request).await;
        assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
        assert!(response.contains("cookies"), "{response}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_passed_on_is_answered_with_what_is_wrong() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    for (request, status) in [
        (
            "POST /rooms/x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi",
            "405",
        ),
        ("GET /rooms/x HTTP/1.1\r\n\r\n", "400"),
        ("GET /rooms/x HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", "400"),
        ("GET /rooms/x HTTP/1.0\r\n\r\n", "200"),
        ("\u{16}\u{3}\u{1}", "400"),
    ] {
        let response = answer(router, request).await;
        assert_eq!(
            response.split(' ').nth(1),
            Some(status),
            "{request:?}: {response}"
        );
    }
}

#[tokio::test]
async fn an_address_close_to_a_rooms_leads_to_the_room() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    for (path, location) in [
        ("/", "rooms/opera-1858"),
        ("/rooms", "rooms/opera-1858"),
        ("/rooms/", "opera-1858"),
        ("/rooms/opera-1858/", "../opera-1858"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let response = answer(router, &request).await;
        let header = format!("location: {location}\r\n");
        assert!(response.contains(&header), "{path}: {response}");
    }
    let response = answer(router, "GET /room HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(
        response.starts_with("HTTP/1.1 404 ") && response.contains("/rooms/opera-1858"),
        "{response}"
    );
}

#[tokio::test]
async fn a_head_that_arrives_byte_by_byte_is_a_head() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    let mut stream = TcpStream::connect(router).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in b"GET /rooms/x HTTP/1.1\r\nhost: x\r\n\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

#[tokio::test]
async fn only_who_has_the_token_closes_a_room_and_no_visitor_does_it_through_the_router() {
    let fixture = Fixture::new();
    let token = ControlToken::random();
    let controlled = Options {
        control: Some(token.clone()),
        ..Options::default()
    };
    let servers = [
        fixture.server_with(Options::default()).await,
        fixture.server_with(controlled).await,
    ];
    let close = |authorization: &str| {
        format!(
            "POST /close-room/room HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}\r\n"
        )
    };
    let right = format!("authorization: {}\r\n", token.bearer());
    let mut white = Visitor::sit(servers[1], "room", "white").await;
    for (server, authorization) in [
        (servers[1], ""),
        (servers[1], "authorization: Bearer 0\r\n"),
        (servers[0], right.as_str()),
    ] {
        let response = answer(server, &close(authorization)).await;
        assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    }
    let (router, _) = served(&fixture).await;
    let response = answer(router, &close(&right)).await;
    assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
    white.play(1, "e2e4").await;
    let response = answer(servers[1], &close(&right)).await;
    assert!(response.starts_with("HTTP/1.1 204 "), "{response}");
    assert_eq!(white.closed().await, Some(1012));
}

/// A server that takes every handshake, sends to its visitors as long as `sends`, and never answers
/// `/healthz`.
async fn server_without_health(sends: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = [0; 1_024];
                let length = stream.read(&mut head).await.unwrap();
                if head[..length].starts_with(b"GET /healthz") {
                    return std::future::pending().await;
                }
                let accepted = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
                stream.write_all(accepted).await.unwrap();
                let mut ticks = interval(Duration::from_millis(100));
                while sends && stream.write_all(b"x").await.is_ok() {
                    ticks.tick().await;
                }
                std::future::pending::<()>().await;
            });
        }
    });
    address
}

/// What a visitor of such a server receives, until it is cut or has received this many bytes.
async fn received_from(server: SocketAddr, enough: usize) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = listener.local_addr().unwrap();
    tokio::spawn(Router::new(By::Room, vec![server], Options::default()).run(listener));
    let mut visitor = TcpStream::connect(router).await.unwrap();
    let request = handshake("/rooms/opera-1858", "");
    visitor.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let reading = async {
        while received.len() < enough {
            if visitor.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
        }
    };
    timeout(TIMEOUT, reading).await.expect("bytes, or an end");
    received.len()
}

#[tokio::test]
async fn a_server_that_sends_to_its_visitors_is_up_however_late_its_healthz_is() {
    let server = server_without_health(true).await;
    // Three seconds' worth: more than twice the silence that a server is allowed.
    assert!(received_from(server, 36 + 30).await >= 36 + 30);
}

#[tokio::test]
async fn a_server_that_accepts_connections_and_sends_nothing_is_down() {
    let server = server_without_health(false).await;
    assert!(received_from(server, 36 + 30).await <= 36, "it is cut");
}

/// The handshake that a browser sends for a page of this origin.
fn from_page(host: &str, origin: &str) -> String {
    let lines = format!("origin: {origin}\r\n");
    let request = handshake("/rooms/opera-1858", &lines);
    request.replace("host: x\r\n", &format!("host: {host}\r\n"))
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_socket_and_reads_no_process_ids() {
    let fixture = Fixture::new();
    let (router, _) = served(&fixture).await;
    for (host, origin, status) in [
        ("127.0.0.1:3002", "http://127.0.0.1:3002", 101),
        ("localhost:3002", "http://localhost:3002", 101),
        ("127.0.0.1:3002", "https://evil.example", 403),
        ("127.0.0.1:3002", "http://127.0.0.1:3003", 403),
        ("127.0.0.1:3002", "null", 403),
        // A name of a stranger's domain that leads here.
        ("evil.example:3002", "http://evil.example:3002", 403),
    ] {
        let response = answer(router, &from_page(host, origin)).await;
        let begins = format!("HTTP/1.1 {status} ");
        assert!(
            response.starts_with(&begins),
            "{origin} asks {host}: {response}"
        );
    }
    for path in ["/where", "/healthz"] {
        for (host, status) in [("localhost:3002", 200), ("evil.example:3002", 403)] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            let response = answer(router, &request).await;
            let begins = format!("HTTP/1.1 {status} ");
            assert!(
                response.starts_with(&begins),
                "{path} of {host}: {response}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_on_the_list_and_a_page_behind_a_trusted_proxy_open_a_socket() {
    let fixture = Fixture::new();
    let listed = Options {
        origins: vec!["https://rooms.example".parse().unwrap()],
        ..Options::default()
    };
    let server = fixture.server_with(listed).await;
    let page = from_page("127.0.0.1:3002", "https://rooms.example");
    let response = answer(server, &page).await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    for (forwarded, status) in [(Forwarded::Trusted, 101), (Forwarded::Ignored, 403)] {
        let options = Options {
            forwarded,
            ..Options::default()
        };
        let server = fixture.server_with(options).await;
        let lines =
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-forwarded-host: rooms.example\r\n";
        let page = page.replace("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", lines);
        let response = answer(
            server,
            &page.replace("connection: upgrade", "connection: upgrade, close"),
        )
        .await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
    }
}
