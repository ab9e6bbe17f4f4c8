//! The games API: five routes, and between two requests nothing.

use std::time::Duration;

use axum::Router;
use axum::extract::{
    DefaultBodyLimit, FromRequest, FromRequestParts, Json, Path, Query, Request, State,
};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use game::{Game, GameId, Move, Object};
use serde::{Deserialize, Serialize};

use crate::player::Player;
use crate::problem::{LONGEST_BODY, Problem};
use crate::store::{Added, Store};

/// The most games that one answer lists.
pub const MOST_LISTED: u32 = 1_000;

/// How long a request may take, waiting for its body and for the database included.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The routes over a store, which is all that they share.
///
/// There is no field to keep a game in: what a handler knows, the request or the store told it.
/// So it does not matter which server is asked, or whether it is the same one as before.
pub fn router<S: Store>(store: S) -> Router {
    Router::new()
        .route("/games", post(add_game::<S>).get(list_games::<S>))
        .route("/games/{id}", get(read_game::<S>))
        .route("/games/{id}/moves", post(add_move::<S>))
        .route("/healthz", get(health::<S>))
        .fallback(Problem::no_such_path)
        .method_not_allowed_fallback(Problem::no_such_method)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn(in_time))
        .with_state(store)
}

/// `POST /games`: 201 when this request added the game, 200 when it was there already.
async fn add_game<S: Store>(
    State(store): State<S>,
    InBody(Object(new)): InBody<Object<NewGame>>,
) -> Result<(StatusCode, Json<Game>), Problem> {
    let game = Game::from(new);
    let added = store.add_game(&game).await?;
    Ok((status(added), Json(game)))
}

/// `POST /games/{id}/moves`: 201 when this request added the move, 200 when that very move has
/// that number already.
async fn add_move<S: Store>(
    State(store): State<S>,
    InPath(id): InPath<GameId>,
    InBody(Object(new)): InBody<Object<NewMove>>,
) -> Result<(StatusCode, Json<KeptMove>), Problem> {
    let (added, number) = store.add_move(&id, new.played, new.number).await?;
    let kept = KeptMove {
        game: id,
        number,
        played: new.played,
    };
    Ok((status(added), Json(kept)))
}

/// `GET /games/{id}`.
async fn read_game<S: Store>(
    State(store): State<S>,
    InPath(id): InPath<GameId>,
) -> Result<Json<Game>, Problem> {
    Ok(Json(store.game(&id).await?))
}

/// `GET /games?after=ID&limit=N`: games in the order of their ids.
///
/// A client that wants them all asks again after the last id that came, until nothing comes: so no
/// answer grows with the database or with the games in it, and the server need not remember how far
/// anybody has read.
async fn list_games<S: Store>(
    State(store): State<S>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Game>>, Problem> {
    let limit = page.limit.unwrap_or(MOST_LISTED).clamp(1, MOST_LISTED);
    Ok(Json(store.games(page.after.as_ref(), limit).await?))
}

/// `GET /healthz`: whether this server can answer requests, for a load balancer to ask.
async fn health<S: Store>(State(store): State<S>) -> Result<&'static str, Problem> {
    store.games(None, 1).await?;
    Ok("ok\n")
}

/// A request that is not answered in time is told so, rather than left to wait without end.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => Problem::not_in_time(DEADLINE).into_response(),
    }
}

fn status(added: Added) -> StatusCode {
    match added {
        Added::Now => StatusCode::CREATED,
        Added::Already => StatusCode::OK,
    }
}

/// A game as it is sent: the moves may be left out, for most games begin without.
#[derive(Deserialize)]
struct NewGame {
    id: GameId,
    white_player: Player,
    black_player: Player,
    year: Option<u16>,
    #[serde(default)]
    moves: Vec<Move>,
}

/// A move as it is sent: `{"move":"e2e4","number":1}`.
#[derive(Deserialize)]
struct NewMove {
    #[serde(rename = "move")]
    played: Move,
    /// Which move of the game it is; the first is 1. See [`Store::add_move`].
    number: Option<u32>,
}

/// A move as it was kept.
#[derive(Serialize)]
struct KeptMove {
    game: GameId,
    number: u32,
    #[serde(rename = "move")]
    played: Move,
}

#[derive(Deserialize)]
struct Page {
    after: Option<GameId>,
    limit: Option<u32>,
}

// axum's own extractors answer a bad request in plain text; these answer with a `Problem`.

#[derive(FromRequest)]
#[from_request(via(Json), rejection(Problem))]
struct InBody<T>(T);

#[derive(FromRequestParts)]
#[from_request(via(Path), rejection(Problem))]
struct InPath<T>(T);

#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(Problem))]
struct InQuery<T>(T);

impl From<NewGame> for Game {
    fn from(new: NewGame) -> Self {
        Self {
            id: new.id,
            white_player: new.white_player.into(),
            black_player: new.black_player.into(),
            year: new.year,
            moves: new.moves,
        }
    }
}
