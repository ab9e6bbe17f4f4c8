//! One server: a page and a socket for each room, at one path.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Json, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};

use crate::room_id::{BadRoomId, RoomId};
use crate::rooms::Rooms;
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

/// `/rooms/ID` is the page, and the socket for who asks to upgrade; `/healthz` is for the router.
pub fn router(rooms: Rooms) -> Router {
    Router::new()
        .route("/", get(Redirect::temporary("/rooms/opera-1858")))
        .route("/rooms/{id}", get(room))
        .route("/page.js", get(script))
        .layer(map_response(one_request))
        .route("/healthz", get(health))
        .with_state(rooms)
}

async fn room(
    State(rooms): State<Rooms>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    // The path as it was written: decoded, a room would have a second spelling.
    let Some(id) = RoomId::of_path(uri.path()) else {
        return (StatusCode::BAD_REQUEST, format!("{BadRoomId}\n")).into_response();
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

/// A router in front that looks at a connection's first request only must get no second one.
async fn one_request(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
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
