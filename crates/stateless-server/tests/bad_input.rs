//! Whatever is sent, the answer says what was wrong, and nothing of it is kept.

#![allow(clippy::unwrap_used)]

mod support;

use game::famous;
use serde_json::{Value, json};
use support::on_both_databases;
use support::server::{Server, new_game};

/// One bad request, and what it is told.
struct Bad {
    path: &'static str,
    content_type: &'static str,
    body: String,
    status: u16,
    error: &'static str,
    /// A part of the message that says what to do, or where.
    says: &'static str,
}

fn bad(path: &'static str, body: impl ToString, status: u16, error: &'static str) -> Bad {
    Bad {
        path,
        content_type: "application/json",
        body: body.to_string(),
        status,
        error,
        says: "",
    }
}

impl Bad {
    fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    fn sent_as(self, content_type: &'static str) -> Self {
        Self {
            content_type,
            ..self
        }
    }
}

fn game_with(field: &str, value: Value) -> Value {
    let mut game = new_game("new");
    game[field] = value;
    game
}

/// Every kind of bad request to a server that has the game `kept` with the one move e2e4.
fn all_kinds() -> Vec<Bad> {
    let long = "x".repeat(129);
    let moves = "/games/kept/moves";
    vec![
        bad("/games", "{", 400, "bad_json").says("line 1 column 1"),
        bad("/games", "", 400, "bad_json").says("EOF"),
        bad(
            "/games",
            format!("{} {{}}", new_game("new")),
            400,
            "bad_json",
        )
        .says("trailing"),
        bad("/games", "\u{feff}{}", 400, "bad_json"),
        bad(
            "/games",
            format!(r#"{{"x":{}"#, "[".repeat(10_000)),
            400,
            "bad_json",
        )
        .says("EOF while parsing a list"),
        bad("/games", new_game("new"), 415, "not_json")
            .sent_as("text/plain")
            .says("--json"),
        bad(
            "/games",
            game_with("id", json!("x".repeat(20_000))),
            413,
            "too_large",
        )
        .says("16384"),
        bad("/games", "{}", 422, "bad_field").says("missing field `id`"),
        bad("/games", "[]", 422, "bad_field").says("expected an object"),
        bad(
            "/games",
            json!(["new", "W", "B", 1900, ["e2e4"]]),
            422,
            "bad_field",
        )
        .says("expected an object"),
        bad("/games", "null", 422, "bad_field").says("expected an object"),
        bad("/games", game_with("id", json!(7)), 422, "bad_field").says("expected a string"),
        bad("/games", game_with("id", json!(" ")), 422, "bad_field").says("the id is empty"),
        bad("/games", game_with("id", json!(long)), 422, "bad_field").says("129 characters"),
        bad(
            "/games",
            game_with("id", json!("a\u{0}b")),
            422,
            "bad_field",
        )
        .says("control"),
        bad(
            "/games",
            game_with("white_player", json!("")),
            422,
            "bad_field",
        )
        .says("white_player"),
        bad(
            "/games",
            game_with("black_player", json!(long)),
            422,
            "bad_field",
        )
        .says("1 to 128"),
        bad(
            "/games",
            game_with("black_player", json!("\u{0}")),
            422,
            "bad_field",
        )
        .says("control"),
        bad("/games", game_with("year", json!(70_000)), 422, "bad_field").says("year"),
        bad(
            "/games",
            game_with("moves", json!(["e2e9"])),
            422,
            "bad_field",
        )
        .says("moves[0]"),
        bad(
            "/games/nobody/moves",
            json!({"move": "e2e4"}),
            404,
            "unknown_game",
        )
        .says("nobody"),
        bad(
            "/games/kept%00/moves",
            json!({"move": "e2e4"}),
            404,
            "unknown_game",
        )
        .says("control"),
        bad(
            "/games/%FF/moves",
            json!({"move": "e2e4"}),
            404,
            "unknown_game",
        )
        .says("UTF-8"),
        bad(moves, json!(["e7e5", 2]), 422, "bad_field").says("expected an object"),
        bad(moves, json!({}), 422, "bad_field").says("missing field `move`"),
        bad(moves, json!({"move": "e2e9"}), 422, "bad_field").says("squares are a1 to h8"),
        bad(moves, json!({"move": "e7e8k"}), 422, "bad_field").says("q, r, b or n"),
        bad(moves, json!({"move": "0000"}), 422, "bad_field").says("null move"),
        bad(moves, json!({"move": "e2e4 e7e5"}), 422, "bad_field").says("9 characters"),
        bad(moves, json!({"move": 5}), 422, "bad_field").says("expected a string"),
        bad(
            moves,
            json!({"move": "e7e5", "number": -1}),
            422,
            "bad_field",
        )
        .says("number"),
        bad(
            moves,
            json!({"move": "e7e5", "number": 1.5}),
            422,
            "bad_field",
        )
        .says("number"),
        bad(
            moves,
            json!({"move": "e7e5", "number": 1e10}),
            422,
            "bad_field",
        )
        .says("number"),
        bad(moves, json!({"move": "e7e5", "number": 0}), 409, "not_next").says("is number 2"),
        bad(moves, json!({"move": "e7e5", "number": 1}), 409, "not_next").says("is number 2"),
        bad(moves, json!({"move": "e7e5", "number": 3}), 409, "not_next").says("is number 2"),
        bad(
            moves,
            json!({"move": "e7e5", "number": u32::MAX}),
            409,
            "not_next",
        ),
        bad("/nowhere", "{}", 404, "no_such_path").says("/games/ID/moves"),
        bad("/games/kept", "{}", 405, "no_such_method").says("Allow"),
    ]
}

on_both_databases! {
    async fn every_bad_request_is_told_what_is_wrong_and_leaves_nothing_behind(database) {
        let server = Server::serve(database).await;
        server.add_game("kept").await;
        server.add_move("kept", "e2e4", Some(1)).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();

        for bad in all_kinds() {
            let request = http
                .post(format!("{}{}", server.url, bad.path))
                .header("content-type", bad.content_type)
                .body(bad.body.clone());
            let answer = request.send().await.unwrap();
            let shown: String = bad.body.chars().take(80).collect();
            assert_eq!(answer.status(), bad.status, "{} {shown}", bad.path);
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["error"], bad.error, "{shown}: {problem}");
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains(bad.says), "{shown}: {message}");
        }
        let (_, list) = server.get("/games").await;
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
        assert_eq!(server.moves("kept").await, ["e2e4"]);
    }

    async fn an_id_that_looks_like_sql_is_an_id_and_nothing_else(database) {
        let server = Server::serve(database).await;
        let ids = [
            "'; DROP TABLE games; --", "\" OR \"\"=\"", "%", "_", "$1", "?1", "\\", "NULL",
            "x' UNION SELECT 1,2,3,4,5 --", "/../games", "a b", "🐎",
        ];
        for id in ids {
            let mut game = new_game(id);
            game["white_player"] = "Robert'); DELETE FROM games; --".into();
            assert_eq!(server.post("/games", &game).await.0, 201, "{id}");
        }
        for id in ids {
            let path = format!("/games/{}", percent_encoded(id));
            let (status, found) = server.get(&path).await;
            assert_eq!((status.as_u16(), &found["id"]), (200, &json!(id)));
            assert_eq!(found["white_player"], "Robert'); DELETE FROM games; --");
            let played = json!({"move": "e2e4", "number": 1});
            assert_eq!(server.post(&format!("{path}/moves"), &played).await.0, 201);
        }
        let (_, list) = server.get("/games").await;
        assert_eq!(list.as_array().unwrap().len(), ids.len());
        let (_, after) = server.get(&format!("/games?after={}", percent_encoded("' OR 1=1 --"))).await;
        assert!(after.as_array().unwrap().len() < ids.len());
    }

    async fn the_famous_games_come_back_just_as_they_were_sent(database) {
        let server = Server::serve(database).await;
        for game in famous() {
            assert_eq!(server.post("/games", &json!(game)).await.0, 201);
            // Sent again, because its answer might have been lost.
            assert_eq!(server.post("/games", &json!(game)).await.0, 200);
            assert_eq!(server.game(game.id.as_str()).await, game);
        }
    }
}

#[tokio::test]
async fn an_invalid_query_is_answered_with_how_to_write_it() {
    let server = Server::serve_with(&["--in-memory"]).await;
    for query in [
        "limit=x",
        "limit=-1",
        "after=",
        "after=%0A",
        "limit=1&limit=2",
    ] {
        let (status, problem) = server.get(&format!("/games?{query}")).await;
        assert_eq!(
            (status.as_u16(), &problem["error"]),
            (400, &json!("bad_query")),
            "{query}"
        );
        assert!(
            problem["message"]
                .as_str()
                .unwrap()
                .contains("/games?after=ID&limit=100")
        );
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
