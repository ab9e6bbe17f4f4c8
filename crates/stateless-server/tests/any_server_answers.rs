//! What a server without state can do that others cannot.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::on_both_databases;
use support::server::Server;

on_both_databases! {
    async fn no_variable_survives_a_request_because_every_request_meets_a_new_process(database) {
        // Whatever a server keeps in its memory is gone before the next request: it is killed.
        macro_rules! ask {
            ($request:ident($($argument:expr),*)) => {{
                let server = Server::serve(database).await;
                let answer = server.$request($($argument),*).await;
                drop(server);
                answer
            }};
        }
        assert_eq!(ask!(add_game("opera-1858")).0, 201);
        assert_eq!(ask!(add_move("opera-1858", "e2e4", Some(1))).0, 201);
        assert_eq!(ask!(add_move("opera-1858", "e7e5", None)).0, 201);
        assert_eq!(ask!(add_move("opera-1858", "e7e5", Some(2))).0, 200);
        assert_eq!(ask!(add_move("opera-1858", "d7d6", Some(2))).0, 409);
        assert_eq!(ask!(add_game("opera-1858")).0, 200);
        assert_eq!(ask!(moves("opera-1858")), ["e2e4", "e7e5"]);
        let (_, list) = ask!(get("/games"));
        assert_eq!(list[0]["id"], "opera-1858");
        assert_eq!(list.as_array().unwrap().len(), 1);
    }

    async fn three_servers_that_start_at_once_on_an_empty_database_all_serve_it(database) {
        for _ in 0..10 {
            let empty = database.another();
            let (one, two, three) = tokio::join!(
                Server::serve(&empty),
                Server::serve(&empty),
                Server::serve(&empty),
            );
            assert_eq!(one.add_game("opera-1858").await.0, 201);
            assert_eq!(two.add_move("opera-1858", "e2e4", Some(1)).await.0, 201);
            assert_eq!(three.moves("opera-1858").await, ["e2e4"]);
        }
    }

    async fn a_killed_server_takes_nothing_with_it_and_a_new_one_knows_everything(database) {
        let doomed = Server::serve(database).await;
        doomed.add_game("opera-1858").await;
        doomed.add_move("opera-1858", "e2e4", Some(1)).await;
        drop(doomed);

        let new = Server::serve(database).await;
        assert_eq!(new.moves("opera-1858").await, ["e2e4"]);
    }

    async fn the_list_is_read_page_by_page_in_the_order_of_the_ids_from_any_server(database) {
        let (one, two) = (Server::serve(database).await, Server::serve(database).await);
        for id in ["b", "Z", "ä", "a", "c"] {
            one.add_game(id).await;
        }
        let (_, first) = two.get("/games?limit=3").await;
        let (_, rest) = one.get("/games?limit=3&after=b").await;
        let (_, nothing) = two.get("/games?limit=3&after=%C3%A4").await;
        let ids = |page: &serde_json::Value| -> Vec<String> {
            let games = page.as_array().unwrap().iter();
            games.map(|game| game["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&first), ["Z", "a", "b"]);
        assert_eq!(ids(&rest), ["c", "ä"]);
        assert_eq!(nothing, json!([]));
    }

    async fn a_list_of_long_games_is_about_a_megabyte_and_goes_on_after_its_last(database) {
        let server = Server::serve(database).await;
        for number in 10..40 {
            let id = format!("game-{number}");
            server.add_game(&id).await;
            database.lengthen(&id, 11_000).await;
        }
        let (mut seen, mut after) = (0, "a".to_owned());
        loop {
            let (status, page) = server.get(&format!("/games?limit=1000&after={after}")).await;
            assert_eq!(status, 200);
            let page = page.as_array().unwrap();
            let Some(last) = page.last() else { break };
            assert_eq!(page.len(), 10, "a hundred thousand moves and a little more");
            seen += page.len();
            after = last["id"].as_str().unwrap().to_owned();
        }
        assert_eq!(seen, 30);
    }

    async fn a_game_that_is_longer_than_the_rules_allow_takes_no_move_more(database) {
        let server = Server::serve(database).await;
        server.add_game("long").await;
        database.lengthen("long", 11_999).await;
        assert_eq!(server.add_move("long", "a3a2", None).await.0, 201);
        let (again, _) = server.add_move("long", "a3a2", Some(12_000)).await;
        assert_eq!(again, 200, "that it was sent twice is no error");
        for number in [None, Some(12_001)] {
            let (status, problem) = server.add_move("long", "a2a3", number).await;
            assert_eq!((status.as_u16(), &problem["error"]), (409, &json!("full")));
        }
    }
}

/// The test above would prove nothing if a server with state passed it as well.
#[tokio::test]
async fn a_server_that_keeps_games_in_memory_forgets_them_with_its_process() {
    let server = Server::serve_with(&["--in-memory"]).await;
    assert_eq!(server.add_game("opera-1858").await.0, 201);
    drop(server);

    let next = Server::serve_with(&["--in-memory"]).await;
    assert_eq!(next.get("/games/opera-1858").await.0, 404);
}

#[tokio::test]
async fn two_servers_that_keep_games_in_memory_each_know_their_own() {
    let one = Server::serve_with(&["--in-memory"]).await;
    let two = Server::serve_with(&["--in-memory"]).await;
    assert_eq!(one.add_game("opera-1858").await.0, 201);
    assert_eq!(one.add_move("opera-1858", "e2e4", Some(1)).await.0, 201);
    let (status, problem) = two.add_move("opera-1858", "e7e5", Some(2)).await;
    assert_eq!(
        (status.as_u16(), &problem["error"]),
        (404, &json!("unknown_game"))
    );
}
