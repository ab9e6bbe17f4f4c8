//! Lesson 4: who wants a room reaches the server that owns it, and what happens when it is lost.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use harness::signal;
use program::server::Server;
use serde_json::json;
use stateless_server::store::{Database, Store};
use sticky_rooms::board::Seat;
use sticky_rooms::fleet::{Fleet, SERVERS, address};
use sticky_rooms::rooms::Rooms;
use sticky_rooms::router::Router;
use sticky_rooms::router::owner::{By, owner};
use sticky_rooms::seats::Seats;
use sticky_rooms::server::Options;
use support::{Fixture, NEVER, TIMEOUT, Visitor};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

/// Three processes and a router in front of them.
struct Served {
    fleet: Fleet,
    servers: Vec<Option<Server>>,
    router: SocketAddr,
    _fixture: Fixture,
}

impl Served {
    async fn start(by: By) -> Self {
        let fixture = Fixture::new();
        let fleet = Fleet {
            program: env!("CARGO_BIN_EXE_sticky-rooms").into(),
            database: fixture.url(),
            look_every: Duration::from_millis(100),
            options: Options::default(),
        };
        let servers = fleet.start_all(SERVERS).await.unwrap();
        let addresses = servers.iter().map(|server| address(server).unwrap());
        let router = Router::new(by, addresses.collect(), Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(router.run(listener));
        Self {
            fleet,
            servers: servers.into_iter().map(Some).collect(),
            router: address,
            _fixture: fixture,
        }
    }

    fn server(&mut self, number: usize) -> &mut Server {
        self.servers[number - 1].as_mut().unwrap()
    }

    fn signal(&mut self, number: usize, name: &str) {
        signal(self.server(number).process, name);
    }
}

/// A room that server 2 owns while all are up.
fn room_of_two() -> String {
    let mut names = (1..).map(|number| format!("room-{number}"));
    names
        .find(|room| owner(room, &[1, 2, 3]) == Some(2))
        .unwrap()
}

/// Comes back to the room with a token; the server is another one than `not`.
async fn back(router: SocketAddr, room: &str, seat: &str, token: &str, not: u64) -> Visitor {
    let until = Instant::now() + TIMEOUT;
    loop {
        let mut visitor = Visitor::reenter(router, room).await;
        if visitor.whole["server"] != not {
            visitor.join(seat, Some(token)).await;
            return visitor;
        }
        assert!(Instant::now() < until, "{room} stays on server {not}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_is_killed_and_its_players_go_on_together_elsewhere_and_home_when_it_is_back() {
    let mut served = Served::start(By::Room).await;
    let (router, room) = (served.router, &room_of_two());
    let mut white = Visitor::sit(router, room, "white").await;
    let mut black = Visitor::sit(router, room, "black").await;
    assert_eq!(
        (&white.whole["server"], &black.whole["server"]),
        (&2.into(), &2.into())
    );
    white.play(1, "e2e4").await;
    black.play(2, "e7e5").await;

    served.server(2).kill();
    let mut white = back(router, room, "white", &white.token, 2).await;
    let mut black = back(router, room, "black", &black.token, 2).await;
    assert_eq!(white.whole["server"], black.whole["server"]);
    assert_eq!(white.whole["moves"], json!(["e2e4", "e7e5"]));
    white.play(3, "g1f3").await;
    assert_eq!(black.receive("move").await["move"], "g1f3");

    let stand_in = white.whole["server"].as_u64().unwrap();
    let home = address(served.server(2)).unwrap();
    served.servers[1] = None;
    served.servers[1] = Some(served.fleet.start(2, home).await.unwrap());
    // The router cuts whose room lives elsewhere now.
    white.closed().await;
    black.closed().await;
    let white = back(router, room, "white", &white.token, stand_in).await;
    let mut black = back(router, room, "black", &black.token, stand_in).await;
    assert_eq!(
        (&white.whole["server"], &black.whole["server"]),
        (&2.into(), &2.into())
    );
    black.play(4, "b8c6").await;
}

#[tokio::test]
async fn a_frozen_server_finds_its_late_move_refused_and_sends_its_players_away() {
    let mut served = Served::start(By::Room).await;
    let (router, room) = (served.router, &room_of_two());
    let mut white = Visitor::sit(router, room, "white").await;
    let mut black = Visitor::sit(router, room, "black").await;
    white.play(1, "e2e4").await;
    black.play(2, "e7e5").await;
    // No router notices this one: it hangs on to the server.
    let mut late = Visitor::enter(address(served.server(2)).unwrap(), room).await;
    late.join("white", Some(&white.token)).await;

    served.signal(2, "STOP");
    late.send_move(3, "d2d4").await;
    let mut white = back(router, room, "white", &white.token, 2).await;
    let mut black = back(router, room, "black", &black.token, 2).await;
    white.play(3, "g1f3").await;
    black.play(4, "b8c6").await;

    served.signal(2, "CONT");
    assert_eq!(late.closed().await, Some(1012));
    let stored = served_moves(&served, room).await;
    assert_eq!(stored, ["e2e4", "e7e5", "g1f3", "b8c6"]);
}

async fn served_moves(served: &Served, room: &str) -> Vec<String> {
    let database = Database::open(&served.fleet.database).await.unwrap();
    let game = database.game(&room.parse().unwrap()).await.unwrap();
    game.moves.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn by_turns_two_players_of_a_room_are_on_two_servers_and_by_room_on_one() {
    for (by, together) in [(By::Turns, false), (By::Room, true)] {
        let served = Served::start(by).await;
        for number in 0..20 {
            let room = format!("room-{number}");
            let white = Visitor::enter(served.router, &room).await;
            let black = Visitor::enter(served.router, &room).await;
            assert_eq!(
                white.whole["server"] == black.whole["server"],
                together,
                "{by}"
            );
        }
    }
}

/// The same room open on two servers, as after a server's return: white on one, black on the other.
async fn split(look: Duration) -> (Fixture, [SocketAddr; 2], Visitor, Visitor) {
    let fixture = Fixture::new();
    let servers = [fixture.server(1, look).await, fixture.server(2, look).await];
    let white = Visitor::sit(servers[0], "split", "white").await;
    let black = Visitor::sit(servers[1], "split", "black").await;
    (fixture, servers, white, black)
}

#[tokio::test]
async fn a_player_who_waits_on_a_stale_board_is_sent_away_by_the_tick() {
    let (_fixture, _, mut white, mut black) = split(Duration::from_millis(50)).await;
    white.play(1, "e2e4").await;
    assert_eq!(black.closed().await, Some(1012));
}

#[tokio::test]
async fn a_visitor_that_enters_a_stale_room_sees_the_move_and_all_others_are_sent_away() {
    let (_fixture, servers, mut white, mut black) = split(NEVER).await;
    white.play(1, "e2e4").await;
    let watcher = Visitor::enter(servers[1], "split").await;
    assert_eq!(watcher.whole["moves"], json!(["e2e4"]));
    assert_eq!(black.closed().await, Some(1012));
}

#[tokio::test]
async fn a_move_in_a_room_that_was_closed_leaves_the_room_after_it_open() {
    let fixture = Fixture::new();
    let database = fixture.database().await;
    let seats = Seats::open(&database).await.unwrap();
    let rooms = Rooms::new(1, database.clone(), seats);
    let (id, white) = ("room".parse().unwrap(), Some(Seat::White));
    let closed = rooms.enter(&id).await.unwrap().room;
    rooms.join(&id, &closed, Seat::White, None).await.unwrap();
    // Another server takes the first move; who enters next finds it, and the room is opened anew.
    let (game, played) = (id.game(), "e2e4".parse().unwrap());
    database.add_move(&game, played, Some(1)).await.unwrap();
    let _here = rooms.enter(&id).await.unwrap();
    rooms.play(&id, &closed, white, 1, played).await.unwrap();
    assert_eq!(rooms.names(), [id]);
}

#[tokio::test]
async fn the_same_move_written_by_another_server_does_not_mean_success() {
    for (played, again) in [("e2e4", "e2e4"), ("e2e4", "d2d4")] {
        let (_fixture, servers, mut white, _black) = split(NEVER).await;
        let mut stale = Visitor::enter(servers[1], "split").await;
        stale.join("white", Some(&white.token)).await;
        white.play(1, played).await;
        stale.send_move(1, again).await;
        assert_eq!(stale.closed().await, Some(1012));
    }
}

#[tokio::test]
async fn a_number_beyond_what_is_known_makes_the_server_read_the_game_again() {
    let (_fixture, _, mut white, mut black) = split(NEVER).await;
    white.play(1, "e2e4").await;
    black.play(2, "e7e5").await;
    white.play(3, "g1f3").await;
}

#[tokio::test]
async fn a_router_without_servers_answers_503_and_an_invalid_request_400() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = listener.local_addr().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = nobody.local_addr().unwrap();
    drop(nobody);
    tokio::spawn(Router::new(By::Room, vec![gone], Options::default()).run(listener));
    for (sent, answer) in [
        ("GET /rooms/x HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 503"),
        ("\u{1}\u{2}\r\n\r\n", "HTTP/1.1 400"),
        (
            "GET /where HTTP/1.1\r\nhost: localhost\r\n\r\n",
            "HTTP/1.1 200",
        ),
    ] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(router).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut response = String::new();
        let read = timeout(TIMEOUT, stream.read_to_string(&mut response)).await;
        read.unwrap().unwrap();
        assert!(response.starts_with(answer), "{sent:?}: {response}");
    }
}
