//! Lesson 3: a room in a server's memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use futures_util::SinkExt;
use game::Game;
use serde_json::{Value, json};
use stateless_server::store::Store;
use sticky_rooms::server::Options;
use support::{Fixture, NEVER, TIMEOUT, Visitor};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// White and black at one table.
async fn table(server: std::net::SocketAddr, room: &str) -> [Visitor; 2] {
    [
        Visitor::sit(server, room, "white").await,
        Visitor::sit(server, room, "black").await,
    ]
}

/// Plays moves, each by the player whose turn it is; both players receive each.
async fn play(players: &mut [Visitor; 2], first: usize, moves: &[&str]) {
    for (played, number) in moves.iter().zip(first..) {
        let [white, black] = players;
        let (mover, other) = match number % 2 {
            1 => (white, black),
            _ => (black, white),
        };
        mover.play(number, played).await;
        assert_eq!(other.receive("move").await["move"], *played);
    }
}

fn moves_of(game: &Game) -> Vec<String> {
    game.moves.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_game_is_played_to_its_mate_and_a_watcher_sees_each_move() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut players = table(server, "scholars").await;
    let mut watcher = Visitor::enter(server, "scholars").await;
    let mate = ["e2e4", "e7e5", "d1h5", "b8c6", "f1c4", "g8f6", "h5f7"];
    play(&mut players, 1, &mate).await;
    for played in mate {
        assert_eq!(watcher.receive("move").await["move"], played);
    }
    let end = watcher.receive("end").await;
    assert_eq!(
        (&end["result"], &end["reason"]),
        (&"1-0".into(), &"checkmate".into())
    );
    let after = json!({"type": "move", "number": 8, "move": "e8f7"});
    players[1].receive("end").await;
    assert_eq!(players[1].refused(after).await, "game_over");
    let stored = fixture
        .database()
        .await
        .game(&"scholars".parse().unwrap())
        .await;
    assert_eq!(moves_of(&stored.unwrap()), mate);
}

#[tokio::test]
async fn castling_en_passant_and_a_promotion_to_a_knight_are_moves() {
    let server = Fixture::new();
    let server = server.server(1, NEVER).await;
    let mut players = table(server, "special").await;
    let moves = [
        "e2e4", "g8f6", "e4e5", "d7d5", "e5d6", "e7d6", "g1f3", "f8e7", "f1e2", "e8g8", "e1g1",
        "a7a5", "h2h4", "a5a4", "b2b4", "a4b3", "h4h5", "b3a2", "h5h6", "a2b1n",
    ];
    play(&mut players, 1, &moves).await;
}

#[tokio::test]
async fn castling_is_written_in_one_way_only() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut players = table(server, "castling").await;
    let opening = ["e2e4", "e7e5", "g1f3", "g8f6", "f1c4", "f8c5"];
    play(&mut players, 1, &opening).await;
    let offer = |played: &str| json!({"type": "move", "number": 7, "move": played});
    for played in ["e1h1", "e1a1", "e1d1"] {
        assert_eq!(
            players[0].refused(offer(played)).await,
            "illegal_move",
            "{played}"
        );
    }
    play(&mut players, 7, &["e1g1", "e8g8"]).await;
}

#[tokio::test]
async fn ten_famous_games_are_played_through_and_the_database_has_them() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    for game in game::famous() {
        let mut players = table(server, game.id.as_str()).await;
        let moves = moves_of(&game);
        let moves: Vec<&str> = moves.iter().map(String::as_str).collect();
        play(&mut players, 1, &moves).await;
        let stored = fixture.database().await.game(&game.id).await.unwrap();
        assert_eq!(stored.moves, game.moves);
    }
}

#[tokio::test]
async fn the_eleventh_chat_pushes_out_the_first_and_all_are_gone_with_the_last_visitor() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut white = Visitor::sit(server, "talk", "white").await;
    for number in 1..=11 {
        white
            .send(json!({"type": "chat", "text": format!("chat {number}")}))
            .await;
        white.receive("chat").await;
    }
    let watcher = Visitor::enter(server, "talk").await;
    let chats = watcher.whole["chats"].as_array().unwrap();
    assert_eq!(chats.len(), 10);
    assert_eq!(chats[0], json!({"from": "white", "text": "chat 2"}));
    drop((white, watcher));
    let mut looks = 0;
    loop {
        let watcher = Visitor::enter(server, "talk").await;
        if watcher.whole["chats"] == json!([]) {
            break;
        }
        looks += 1;
        assert!(looks < 1_000, "the room is still open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn each_invalid_message_has_its_own_code_and_does_not_change_the_room() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut white = Visitor::sit(server, "bad", "white").await;
    let mut watcher = Visitor::enter(server, "bad").await;
    let offer =
        |number: u32, played: &str| json!({"type": "move", "number": number, "move": played});
    let long = "x".repeat(281);
    for (message, code) in [
        (offer(1, "e2e5"), "illegal_move"),
        (offer(1, "e7e8q"), "illegal_move"),
        (offer(0, "e2e4"), "wrong_number"),
        (offer(2, "e2e4"), "wrong_number"),
        (offer(u32::MAX, "e2e4"), "wrong_number"),
        (offer(1, "e2e9"), "bad_message"),
        (json!({"type": "chat", "text": long}), "bad_chat"),
        (json!({"type": "chat", "text": "  "}), "bad_chat"),
        (
            json!({"type": "chat", "text": "\u{200b}\u{2060}\u{feff}"}),
            "bad_chat",
        ),
        (
            json!({"type": "chat", "text": "\u{2800}\u{3164}\u{ad}"}),
            "bad_chat",
        ),
        (json!({"type": "chat", "text": "\u{7}\u{301}"}), "bad_chat"),
        (json!({"type": "chat", "text": 7}), "bad_message"),
        (json!({"type": "join", "seat": "red"}), "bad_message"),
        (json!({"type": "join", "seat": "black"}), "seat_taken"),
        (json!({"type": "free lunch"}), "bad_message"),
        (json!([]), "bad_message"),
        (json!(["chat", "hello"]), "bad_message"),
    ] {
        assert_eq!(white.refused(message.clone()).await, code, "{message}");
    }
    white.text("{".to_owned()).await;
    assert_eq!(white.code().await, "bad_json");
    assert_eq!(watcher.refused(offer(1, "e2e4")).await, "not_your_seat");
    let with_a_guess = json!({"type": "join", "seat": "white", "token": "guess"});
    assert_eq!(watcher.refused(with_a_guess).await, "seat_taken");
    white.play(1, "e2e4").await;
    assert_eq!(white.refused(offer(2, "e7e5")).await, "not_your_turn");
    assert_eq!(watcher.receive("move").await["move"], "e2e4");
}

#[tokio::test]
async fn frames_that_are_no_text_or_too_long_end_their_connection_only() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut white = Visitor::sit(server, "frames", "white").await;
    for (frame, code) in [
        (Message::Binary(Bytes::from_static(b"e2e4")), 1003),
        (Message::text("x".repeat(5_000)), 1009),
    ] {
        let mut watcher = Visitor::enter(server, "frames").await;
        watcher.socket.send(frame).await.unwrap();
        assert_eq!(watcher.closed().await, Some(code));
    }
    white.play(1, "e2e4").await;
}

#[tokio::test]
async fn of_a_thousand_concurrent_joins_of_one_seat_one_succeeds() {
    let fixture = Fixture::new();
    // On two servers, so that no lock in memory helps.
    let servers = [
        fixture.server(1, NEVER).await,
        fixture.server(2, NEVER).await,
    ];
    let mut visitors = Vec::new();
    for number in 0..1_000 {
        visitors.push(Visitor::enter(servers[number % 2], "crowd").await);
    }
    let mut joining = JoinSet::new();
    for mut visitor in visitors {
        joining.spawn(async move { visitor.try_to_sit("white").await });
    }
    let seated = joining.join_all().await.into_iter().filter(|sits| *sits);
    assert_eq!(seated.count(), 1);
}

#[tokio::test]
async fn a_token_resumes_its_seat_on_any_server() {
    let fixture = Fixture::new();
    let servers = [
        fixture.server(1, NEVER).await,
        fixture.server(2, NEVER).await,
    ];
    let mut white = Visitor::sit(servers[0], "resume", "white").await;
    white.play(1, "e2e4").await;
    let token = white.token.clone();
    drop(white);
    let mut again = Visitor::enter(servers[1], "resume").await;
    assert_eq!(again.whole["moves"], json!(["e2e4"]));
    assert_eq!(again.whole["seats"], json!({"white": true, "black": false}));
    again.join("white", Some(&token)).await;
    assert_eq!(again.token, token);
}

#[tokio::test]
async fn a_stored_game_that_breaks_the_rules_is_reported_and_opens_no_room() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut broken = game::famous().swap_remove(0).at_its_start();
    broken.id = "broken".parse().unwrap();
    broken.moves = vec!["e2e4".parse().unwrap(), "e2e4".parse().unwrap()];
    fixture.database().await.add_game(&broken).await.unwrap();
    let mut visitor = Visitor::enter(server, "broken").await;
    assert_eq!(visitor.whole["code"], "bad_game");
    assert_eq!(visitor.closed().await, Some(1011));
    drop(Visitor::enter(server, "whole").await);
}

#[tokio::test]
async fn a_name_that_is_no_rooms_is_refused_with_the_rule() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    for name in ["room%2D1", "%2E%2E", "-x", "_x", "a%20b", &"x".repeat(65)] {
        assert!(Visitor::try_enter(server, name).await.is_none(), "{name}");
    }
    let answer = reqwest::get(format!("http://{server}/rooms/a%20b"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("1 to 64 letters"));
}

#[tokio::test]
async fn while_the_database_is_away_a_move_is_refused_and_the_board_is_unchanged() {
    let fixture = Fixture::new();
    let database = fixture.database().await;
    let server = support::server(database.clone(), 1, NEVER).await;
    let mut white = Visitor::sit(server, "away", "white").await;
    let mut watcher = Visitor::enter(server, "away").await;
    database.close().await;
    let offer = json!({"type": "move", "number": 1, "move": "e2e4"});
    assert_eq!(white.refused(offer).await, "unavailable");
    white
        .send(json!({"type": "chat", "text": "it is away"}))
        .await;
    let mut received: Vec<Value> = Vec::new();
    loop {
        received.push(watcher.next().await.unwrap());
        if received.last().unwrap()["type"] == "chat" {
            break;
        }
    }
    assert!(
        received.iter().all(|frame| frame["type"] != "move"),
        "{received:?}"
    );
}

#[tokio::test]
async fn a_visitor_that_falls_behind_is_sent_the_whole_room_instead() {
    let fixture = Fixture::new();
    let server = fixture.server(1, NEVER).await;
    let mut slow = Visitor::enter(server, "slow").await;
    let mut white = Visitor::sit(server, "slow", "white").await;
    white.play(1, "e2e4").await;
    // The kernel keeps megabytes for a visitor that does not read; after that the room's 64 frames are full.
    let text = "🂡".repeat(280);
    let mut sent = 0;
    let again = loop {
        for _ in 0..2_000 {
            sent += 1;
            white.send(json!({"type": "chat", "text": text})).await;
            white.receive("chat").await;
        }
        let found = async {
            for _ in 0..sent {
                let frame = slow.next().await.unwrap();
                if frame["type"] == "room" {
                    return Some(frame);
                }
            }
            None
        };
        if sent >= 8_000 {
            break found.await;
        }
    };
    let again = again.expect("a room frame instead of the frames that were passed over");
    assert_eq!(again["moves"], json!(["e2e4"]));
    assert_eq!(again["chats"].as_array().unwrap().len(), 10);
}

/// How many rooms are open on the only server.
async fn open_rooms(server: std::net::SocketAddr) -> u64 {
    let answer = reqwest::get(format!("http://{server}/healthz"))
        .await
        .unwrap();
    answer.json::<Value>().await.unwrap()["open"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn a_player_who_answers_no_ping_has_left_and_one_who_answers_is_here() {
    let fixture = Fixture::new();
    let options = Options {
        ping_every: Duration::from_millis(500),
        ..Options::default()
    };
    let server = fixture.server_with(options).await;
    // The library answers a ping when it is read from: this player is not, as if the cable was pulled.
    let _vanished = Visitor::sit(server, "vanished", "white").await;
    let mut here = Visitor::sit(server, "here", "white").await;
    let until = tokio::time::Instant::now() + TIMEOUT;
    while open_rooms(server).await > 1 {
        here.receive("alive").await;
        assert!(
            tokio::time::Instant::now() < until,
            "the room is still open"
        );
    }
    here.receive("alive").await;
    assert_eq!(open_rooms(server).await, 1);
}
