//! What the rooms ask of a database, asked of a real Postgres.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Postgres, Process, signal};
use serde_json::json;
use sticky_rooms::fleet::{Fleet, address};
use sticky_rooms::server::Options;
use support::{Fixture, NEVER, TIMEOUT, Visitor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test]
async fn two_servers_share_seats_and_moves_and_the_one_that_is_behind_sends_its_players_away() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let fixture = Fixture::at(&postgres.url(&postgres.create_database()));
    let look = Duration::from_millis(50);
    // At once, so that both find the tables missing.
    let (one, two) = tokio::join!(fixture.server(1, NEVER), fixture.server(2, look));
    let mut white = Visitor::sit(one, "room", "white").await;
    let mut black = Visitor::sit(two, "room", "black").await;
    white.play(1, "e2e4").await;
    assert_eq!(black.closed().await, Some(1012));
    let mut black_again = Visitor::enter(two, "room").await;
    assert_eq!(black_again.whole["moves"], json!(["e2e4"]));
    black_again.join("black", Some(&black.token)).await;
    black_again.play(2, "e7e5").await;
    white.play(3, "g1f3").await;
}

#[tokio::test]
async fn of_a_hundred_concurrent_joins_of_one_seat_one_succeeds() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let fixture = Fixture::at(&postgres.url(&postgres.create_database()));
    let servers = [
        fixture.server(1, NEVER).await,
        fixture.server(2, NEVER).await,
    ];
    let mut joining = JoinSet::new();
    for number in 0..100 {
        let mut visitor = Visitor::enter(servers[number % 2], "crowd").await;
        joining.spawn(async move { visitor.try_to_sit("white").await });
    }
    let seated = joining.join_all().await.into_iter().filter(|sits| *sits);
    assert_eq!(seated.count(), 1);
}

/// Passes everything on to Postgres until it is frozen; says of each piece that arrives afterwards.
struct Freezer {
    address: SocketAddr,
    freeze: watch::Sender<bool>,
    swallowed: mpsc::UnboundedReceiver<()>,
}

impl Freezer {
    async fn in_front_of(postgres: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (freeze, frozen) = watch::channel(false);
        let (swallow, swallowed) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", postgres)).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                for (mut from, mut to) in [(from_client, to_server), (from_server, to_client)] {
                    let (frozen, swallow) = (frozen.clone(), swallow.clone());
                    tokio::spawn(async move {
                        let mut bytes = [0; 4_096];
                        loop {
                            let length = from.read(&mut bytes).await.unwrap_or(0);
                            if *frozen.borrow() {
                                let _ = swallow.send(());
                                return std::future::pending::<()>().await;
                            }
                            if length == 0 || to.write_all(&bytes[..length]).await.is_err() {
                                return;
                            }
                        }
                    });
                }
            }
        });
        Self {
            address,
            freeze,
            swallowed,
        }
    }
}

#[tokio::test]
async fn a_server_that_waits_for_a_frozen_postgres_ends_in_time_and_closes_with_1012() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let mut freezer = Freezer::in_front_of(postgres.port()).await;
    let url = postgres.url(&postgres.create_database());
    let url = url.replace(
        &postgres.port().to_string(),
        &freezer.address.port().to_string(),
    );
    let fleet = Fleet {
        program: env!("CARGO_BIN_EXE_sticky-rooms").into(),
        database: url.parse().unwrap(),
        look_every: NEVER,
        options: Options::default(),
    };
    let mut server = fleet.start(1, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = address(&server).unwrap();
    let mut white = Visitor::sit(address, "room", "white").await;
    let mut watcher = Visitor::enter(address, "room").await;
    freezer.freeze.send_replace(true);
    white.send_move(1, "e2e4").await;
    freezer.swallowed.recv().await.unwrap();
    let asked = Instant::now();
    signal(server.process, "TERM");
    // The close goes out before the database's time is up.
    assert_eq!(white.closed().await, Some(1012));
    assert_eq!(watcher.closed().await, Some(1012));
    drop((white, watcher));
    let ended = timeout(TIMEOUT, server.ended()).await;
    assert!(ended.expect("it ends").unwrap().success());
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
}

/// Each visitor was asked to try again, in a loop, and the log said nothing of the reason.
#[tokio::test]
async fn a_table_of_seats_that_is_another_programs_ends_the_server_with_one_sentence() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    for table in [
        "CREATE TABLE seats (id serial PRIMARY KEY, hall text, row_number int)",
        "CREATE TABLE seats (room text, seat text, token_hash text)",
        "CREATE TABLE seats (room text, seat text, token_hash text, price int NOT NULL, PRIMARY KEY (room, seat))",
        "CREATE TABLE seats (room int, seat int, token_hash text, PRIMARY KEY (room, seat))",
    ] {
        let database = postgres.create_database();
        postgres.run(&database, table);
        let mut server = Process::start(
            Command::new(env!("CARGO_BIN_EXE_sticky-rooms"))
                .args(["server", "--number", "1", "--listen", "127.0.0.1:0"])
                .env("DATABASE_URL", postgres.url(&database)),
        );
        assert_eq!(server.wait().code(), Some(1), "{table}");
        let log = server.output();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(
            log.contains("\"seats\" of this database belongs to another program"),
            "{log}"
        );
        assert!(log.contains("--database"), "{log}");
    }
}
