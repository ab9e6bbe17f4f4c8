//! Two servers, one game: no move vanishes, and none is played twice.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;

use support::on_both_databases;
use support::server::{Answer, Server, new_game};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// How often two servers race.
const RACES: u32 = 1000;

on_both_databases! {
    async fn of_two_servers_that_offer_a_different_move_one_wins_and_the_other_is_told(database) {
        let (one, two) = (Server::serve(database).await, Server::serve(database).await);
        one.add_game("race").await;
        let mut winners = Vec::new();
        for number in 1..=RACES {
            let (a, b) = tokio::join!(
                one.add_move("race", "e2e4", Some(number)),
                two.add_move("race", "d2d4", Some(number)),
            );
            match (a.0.as_u16(), b.0.as_u16()) {
                (201, 409) => winners.push("e2e4"),
                (409, 201) => winners.push("d2d4"),
                _ => panic!("move {number}: {a:?} {b:?}"),
            }
        }
        assert_eq!(one.moves("race").await, winners);
        assert_eq!(two.moves("race").await, winners);
    }

    async fn moves_without_a_number_all_find_a_place_of_their_own(database) {
        let (one, two) = (Server::serve(database).await, Server::serve(database).await);
        one.add_game("race").await;
        let number_of = |(status, body): Answer| {
            assert_eq!(status, 201, "{body}");
            body["number"].as_u64().unwrap()
        };
        let mut places = HashSet::new();
        for _ in 0..RACES / 2 {
            let (a, b) = tokio::join!(
                one.add_move("race", "e2e4", None),
                two.add_move("race", "d2d4", None),
            );
            places.extend([number_of(a), number_of(b)]);
        }
        assert_eq!(places, (1..=u64::from(RACES)).collect());
        let moves = one.moves("race").await;
        assert_eq!(moves.iter().filter(|played| *played == "e2e4").count(), RACES as usize / 2);
        assert_eq!(moves.len(), RACES as usize);
    }

    async fn a_request_that_is_sent_to_two_servers_at_once_is_carried_out_once(database) {
        let (one, two) = (Server::serve(database).await, Server::serve(database).await);
        for round in 0..50 {
            let id = format!("game-{round}");
            let (a, b) = tokio::join!(one.add_game(&id), two.add_game(&id));
            assert_eq!(HashSet::from([a.0.as_u16(), b.0.as_u16()]), HashSet::from([200, 201]));
            let (a, b) = tokio::join!(
                one.add_move(&id, "e2e4", Some(1)),
                two.add_move(&id, "e2e4", Some(1)),
            );
            assert_eq!(HashSet::from([a.0.as_u16(), b.0.as_u16()]), HashSet::from([200, 201]));
            assert_eq!(one.moves(&id).await, ["e2e4"]);
        }
    }

    async fn a_client_that_hangs_up_and_asks_another_server_plays_each_move_once(database) {
        let (one, two) = (Server::serve(database).await, Server::serve(database).await);
        one.add_game("opera-1858").await;
        let mut was_done = 0;
        for number in 1..=100 {
            send_and_hang_up(&one, "opera-1858", number).await;
            let (status, problem) = two.add_move("opera-1858", "e2e4", Some(number)).await;
            assert!(status == 201 || status == 200, "{status} {problem}");
            was_done += u32::from(status == 200);
        }
        assert_eq!(two.moves("opera-1858").await, ["e2e4"; 100], "{was_done} were done before");
    }

    async fn a_second_game_of_the_same_name_is_refused_and_changes_nothing(database) {
        let (one, two) = (Server::serve(database).await, Server::serve(database).await);
        one.add_game("opera-1858").await;
        one.add_move("opera-1858", "e2e4", Some(1)).await;
        let mut other = new_game("opera-1858");
        other["black_player"] = "Anderssen".into();
        let (status, problem) = two.post("/games", &other).await;
        assert_eq!(status, 409);
        assert_eq!(problem["error"], "duplicate_game");
        // The same game again is the retry of somebody who never got the answer.
        assert_eq!(two.add_game("opera-1858").await.0, 200);
        assert_eq!(one.moves("opera-1858").await, ["e2e4"]);
        assert_eq!(one.game("opera-1858").await.black_player, "Duke Karl");
    }
}

/// Sends a move and closes the connection at once: nobody will ever know what became of it.
async fn send_and_hang_up(server: &Server, id: &str, number: u32) {
    let address = server.url.strip_prefix("http://").unwrap();
    let body = format!(r#"{{"move":"e2e4","number":{number}}}"#);
    let length = body.len();
    let request = format!(
        "POST /games/{id}/moves HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
}
