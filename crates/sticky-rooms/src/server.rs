//! One server: a page and a socket for each room, at one path.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Json, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};

use crate::room_id::RoomId;
use crate::rooms::Rooms;
use crate::target::{ROUTED_PATH, Target};
use crate::visitor;

/// The largest frame that is taken.
const LARGEST: usize = 4 * 1024;

/// Rooms that `/healthz` names.
const NAMED: usize = 20;

/// The answer to `GET /healthz`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Which server, counted from 1.
    pub server: usize,
    /// Its process.
    pub process: u32,
    /// How many rooms somebody has open here.
    pub open: usize,
    /// The first of them in alphabetical order.
    pub rooms: Vec<String>,
}

/// `/rooms/NAME` is the page, and the socket for a request that asks to upgrade; `/healthz` is for the
/// router.
///
/// Redirects are relative, because a proxy may serve all this below a prefix of its own.
pub fn router(rooms: Rooms) -> Router {
    Router::new()
        .route("/", get(Redirect::temporary("rooms/opera-1858")))
        .route("/rooms", get(Redirect::temporary("rooms/opera-1858")))
        .route("/rooms/", get(Redirect::temporary("opera-1858")))
        .route("/rooms/{name}/", get(without_slash))
        .route("/rooms/{name}", get(room))
        .route("/page.js", get(script))
        .route("/healthz", get(health))
        .fallback(nothing_here)
        .layer(from_fn(check_target))
        .with_state(rooms)
}

/// Refuses a request whose target has a second spelling, or was routed by another path than this
/// server reads in it.
async fn check_target(mut request: Request, next: Next) -> Response {
    let target = match Target::of_uri(request.uri()) {
        Ok(target) => target,
        Err(bad) => return (StatusCode::BAD_REQUEST, format!("{bad}\n")).into_response(),
    };
    let mut routed = request.headers().get_all(ROUTED_PATH).iter();
    if routed.any(|path| path != target.path()) {
        let text = "the router in front chose this server by another path than the request's\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    join_lines(request.headers_mut(), &header::CONNECTION);
    join_lines(request.headers_mut(), &header::UPGRADE);
    request.extensions_mut().insert(target);
    next.run(request).await
}

/// Joins the lines of a header to one list, for code that reads only the first line: axum's check of
/// a handshake is such code.
fn join_lines(headers: &mut HeaderMap, name: &HeaderName) {
    let lines: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if lines.len() > 1
        && let Ok(list) = HeaderValue::from_bytes(&lines.join(&b", "[..]))
    {
        headers.insert(name, list);
    }
}

async fn without_slash(Path(name): Path<String>) -> Redirect {
    Redirect::permanent(&format!("../{name}"))
}

async fn nothing_here() -> (StatusCode, &'static str) {
    let text = "nothing is here; a room is at /rooms/NAME, for example /rooms/opera-1858\n";
    (StatusCode::NOT_FOUND, text)
}

async fn room(
    State(rooms): State<Rooms>,
    Extension(target): Extension<Target>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Some(id) = target.room().cloned() else {
        return nothing_here().await.into_response();
    };
    let Ok(upgrade) = upgrade else {
        return Html(include_str!("page.html")).into_response();
    };
    upgrade
        // The library's own read buffer is 128 KiB for each visitor, of which nobody uses a hundredth.
        .read_buffer_size(512)
        .write_buffer_size(0)
        .max_message_size(LARGEST)
        .max_frame_size(LARGEST)
        .on_upgrade(|socket| visitor::serve(rooms, id, socket))
}

async fn health(State(rooms): State<Rooms>) -> Json<Health> {
    let mut names = rooms.names();
    names.sort();
    Json(Health {
        server: rooms.server(),
        process: std::process::id(),
        open: names.len(),
        rooms: names.iter().take(NAMED).map(RoomId::to_string).collect(),
    })
}

async fn script() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (headers, include_str!("page.js"))
}
