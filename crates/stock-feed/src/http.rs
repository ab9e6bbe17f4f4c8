//! What this server answers to HTTP: the page, its figures, and the door to the WebSocket.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::upgrade::OnUpgrade;
use pubsub_manager::UserId;
use soketto::handshake::http::{Server as Handshake, is_upgrade_request};

use crate::app::App;
use crate::corked::Corked;
use crate::origin::may_connect;
use crate::roster::Seat;
use crate::{page, stats, user};

/// All routes.
pub(crate) fn router(app: &'static App) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page/{name}", get(page::file))
        .route("/stats", get(stats::stats))
        .route("/metrics", get(stats::metrics))
        .route("/healthz", get(stats::healthz))
        .layer(map_response(guard))
        .route("/ws", get(websocket))
        .layer(map_response(one_request))
        .with_state(app)
}

async fn guard(mut response: Response) -> Response {
    response.headers_mut().extend(page::GUARDS);
    response
}

/// One request is all that a connection is for; `hall.rs` says why. It is said here because hyper,
/// told so itself, would say it in the handshake's answer as well, where it means nothing.
async fn one_request(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// `GET /ws`: the handshake. The answer leaves by HTTP as any other; when it has left, the
/// socket is ours.
async fn websocket(State(app): State<&'static App>, mut request: Request) -> Response {
    if !is_upgrade_request(&request) {
        let text = "this is the WebSocket: open it from the page at / or with a WebSocket client\n";
        return (
            StatusCode::UPGRADE_REQUIRED,
            [("upgrade", "websocket")],
            text,
        )
            .into_response();
    }
    if !may_connect(request.headers(), &app.limits.origins) {
        return forbidden(request.headers());
    }
    let Ok(answer) = Handshake::new().receive_request(&request) else {
        let text = "a WebSocket handshake needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13\n";
        return (
            StatusCode::BAD_REQUEST,
            [("sec-websocket-version", "13")],
            text,
        )
            .into_response();
    };
    let Some(seat) = app.roster.seat() else {
        let text = format!(
            "all {} seats are taken, try another server\n",
            app.limits.users
        );
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], text).into_response();
    };
    tokio::spawn(upgrade(app, seat, hyper::upgrade::on(&mut request)));
    answer.map(|()| axum::body::Body::empty())
}

fn forbidden(headers: &HeaderMap) -> Response {
    let origin = headers
        .get("origin")
        .map(|origin| String::from_utf8_lossy(origin.as_bytes()));
    let origin = origin.unwrap_or_default();
    tracing::warn!(%origin, "refused a page of another origin");
    let text = format!(
        "pages of {origin} may not connect: start the server with --allow-origin {origin}\n"
    );
    (StatusCode::FORBIDDEN, text).into_response()
}

/// Waits for the handshake's answer to leave, and takes the plain socket back from hyper, whose
/// buffers end here. The user's own task is as small as it can be, so it is not this one.
async fn upgrade(app: &'static App, seat: Seat, upgraded: OnUpgrade) {
    let Ok(upgraded) = upgraded.await else {
        return;
    };
    let Ok(parts) = upgraded.downcast::<Corked>() else {
        tracing::error!("the upgraded connection is not the socket that was accepted");
        return;
    };
    user::welcome(
        app,
        seat,
        parts.io.into_inner(),
        UserId(app.next_user()),
        &parts.read_buf,
    );
}
