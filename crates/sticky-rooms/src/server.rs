//! One server: a page and a socket for each room, at one path.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Json, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use program::RateLimitedLog;
use program::origin::{
    Allowed, Forwarded, ONE_HOST, advice, has_one_host, is_known_host, log_refusal, may_connect,
};
use serde::{Deserialize, Serialize};

use crate::control::ControlToken;
use crate::page;
use crate::room_id::RoomId;
use crate::rooms::Rooms;
use crate::target::{ROUTED_PATH, Target};
use crate::visitor;

/// The largest frame that is accepted, in bytes.
const MAX_FRAME: usize = 4 * 1024;

/// How many rooms `/healthz` names.
const MAX_NAMED_ROOMS: usize = 20;

/// Which pages may use a server, and how it notices that a visitor has vanished.
#[derive(Clone, Debug)]
pub struct Options {
    /// Pages of other origins that may open a socket.
    pub origins: Vec<Allowed>,
    /// Whether a proxy in front passes on which host the browser asked for.
    pub forwarded: Forwarded,
    /// A visitor is pinged this often, and is gone if it answers neither of two pings.
    pub ping_every: Duration,
    /// What the router shows when it tells a server to close a room. Without it, no server does.
    pub control: Option<ControlToken>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            forwarded: Forwarded::Ignored,
            ping_every: Duration::from_secs(25),
            control: None,
        }
    }
}

impl Options {
    /// Whether a page may read what is for this server's own pages: process ids, names of rooms.
    pub(crate) fn knows_host(&self, headers: &HeaderMap) -> bool {
        is_known_host(headers, &self.origins, self.forwarded)
    }
}

/// The answer to a request that names a host that is not known to be this server's.
pub(crate) const UNKNOWN_HOST: &str = "this host name is not known here: open the page by an address or as localhost, or \
     start the program with --allow-origin http://NAME:PORT\n";

/// The answer to `GET /healthz`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Health {
    /// The number of the server, counted from 1.
    pub server: usize,
    /// The process id, which differs from server to server.
    pub process: u32,
    /// How many rooms are open here.
    pub open: usize,
    /// The first of them in alphabetical order.
    pub rooms: Vec<String>,
}

/// `/rooms/NAME` is the page, and the socket for a request that asks to upgrade; `/healthz` is for the
/// router.
///
/// Redirects are relative, because a proxy may serve all this below a prefix of its own.
pub fn router(rooms: Rooms, options: Options) -> Router {
    let served = Served {
        rooms,
        options: Arc::new(options),
        refusals: Arc::default(),
    };
    Router::new()
        .route("/", get(Redirect::temporary("rooms/opera-1858")))
        .route("/rooms", get(Redirect::temporary("rooms/opera-1858")))
        .route("/rooms/", get(Redirect::temporary("opera-1858")))
        .route("/rooms/{name}/", get(without_slash))
        .route("/rooms/{name}", get(room))
        .route("/close-room/{name}", post(close_room))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/healthz", get(health))
        .fallback(nothing_here)
        .layer(from_fn(check_target))
        .with_state(served)
}

#[derive(Clone, Debug)]
struct Served {
    rooms: Rooms,
    options: Arc<Options>,
    /// The log of pages that may not connect: a stranger chooses how often.
    refusals: Arc<RateLimitedLog>,
}

impl Served {
    /// The refusal of a handshake from a page of another site. A browser lets any page in the world
    /// open a socket here, and a page that may would take seats and chat in its user's name. A program
    /// that is no browser sends no Origin.
    fn forbidden(&self, headers: &HeaderMap) -> Option<Response> {
        let origin = headers.get(header::ORIGIN)?;
        let options = &self.options;
        if may_connect(headers, &options.origins, options.forwarded) && options.knows_host(headers)
        {
            return None;
        }
        let origin = String::from_utf8_lossy(origin.as_bytes());
        log_refusal(&self.refusals, &origin, options.forwarded.client(headers));
        Some((StatusCode::FORBIDDEN, advice(&origin)).into_response())
    }
}

/// Refuses a request whose target has a second spelling, or was routed by another path than this
/// server reads in it.
async fn check_target(mut request: Request, next: Next) -> Response {
    let target = match Target::of_uri(request.uri()) {
        Ok(target) => target,
        Err(bad) => return (StatusCode::BAD_REQUEST, format!("{bad}\n")).into_response(),
    };
    if !has_one_host(request.version(), request.headers()) {
        return (StatusCode::BAD_REQUEST, ONE_HOST).into_response();
    }
    let mut routed = request.headers().get_all(ROUTED_PATH).iter();
    if routed.any(|path| path != target.path()) {
        let text = "the router in front chose this server by another path than the request's\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    join_lines(request.headers_mut(), &header::CONNECTION);
    join_lines(request.headers_mut(), &header::UPGRADE);
    request.extensions_mut().insert(target);
    let may_upgrade = request.headers().contains_key(header::UPGRADE);
    let mut response = next.run(request).await;
    if may_upgrade && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // A router in front passes on no second request: kept, the connection would wait for one.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
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
    State(served): State<Served>,
    headers: HeaderMap,
    Extension(target): Extension<Target>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Some(id) = target.room().cloned() else {
        return nothing_here().await.into_response();
    };
    let Ok(upgrade) = upgrade else {
        return page::page();
    };
    if let Some(refusal) = served.forbidden(&headers) {
        return refusal;
    }
    let ping_every = served.options.ping_every;
    upgrade
        // The library's own read buffer is 128 KiB for each visitor, and no visitor here needs a hundredth of it.
        .read_buffer_size(512)
        .write_buffer_size(0)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| visitor::serve(served.rooms, id, socket, ping_every))
}

/// Closes a room, whose visitors the router is about to send elsewhere. Answers when nothing is played here
/// any more.
async fn close_room(
    State(served): State<Served>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let header = headers.get(header::AUTHORIZATION);
    let may = |token: &ControlToken| header.is_some_and(|sent| token.is_in(sent.as_bytes()));
    if !served.options.control.as_ref().is_some_and(may) {
        return (StatusCode::FORBIDDEN, "only the router closes a room\n").into_response();
    }
    match name.parse() {
        Ok(id) => {
            served.rooms.close_room(&id).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(_) => nothing_here().await.into_response(),
    }
}

async fn health(State(served): State<Served>, headers: HeaderMap) -> Response {
    if !served.options.knows_host(&headers) {
        return (StatusCode::FORBIDDEN, UNKNOWN_HOST).into_response();
    }
    let rooms = &served.rooms;
    let mut names = rooms.names();
    names.sort();
    Json(Health {
        server: rooms.server(),
        process: std::process::id(),
        open: names.len(),
        rooms: names
            .iter()
            .take(MAX_NAMED_ROOMS)
            .map(RoomId::to_string)
            .collect(),
    })
    .into_response()
}
