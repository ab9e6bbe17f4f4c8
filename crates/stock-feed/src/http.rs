//! What this server answers to HTTP: the page, its figures, and the WebSocket handshake.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use program::origin::{ONE_HOST, advice, has_one_host, log_refusal, may_connect};
use soketto::handshake::http::{Server as Handshake, is_upgrade_request};

use crate::app::App;
use crate::sessions::{Refusal, SessionPermit};
use crate::stats::ADDRESS_REFUSALS;
use crate::{page, stats};

/// The path of the WebSocket. It is not a route of the router, because the connection's own task accepts
/// users: see `serve_http` in `server.rs`.
pub(crate) const WEBSOCKET: &str = "/ws";

/// When a user that was refused may try again, in seconds.
const RETRY: [(HeaderName, &str); 1] = [(RETRY_AFTER, "5")];

/// Refuses requests that HTTP forbids to serve, on every path.
pub(crate) fn malformed<B>(request: &Request<B>) -> Option<Response> {
    let valid = has_one_host(request.version(), request.headers());
    (!valid).then(|| guard((StatusCode::BAD_REQUEST, ONE_HOST).into_response()))
}

/// The routes of plain HTTP: the page, the figures and the health.
pub(crate) fn router(app: &'static App) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page/{name}", get(page::file))
        .route("/stats", get(stats::stats))
        .route("/metrics", get(stats::metrics))
        .route("/healthz", get(stats::healthz))
        .layer(map_response(async |response| guard(response)))
        .with_state(app)
}

/// Adds the headers of every answer that is not a handshake's.
fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(page::GUARDS);
    // A connection is for one request; `handshake_limiter.rs` says why. hyper's own setting for that would
    // put the header into the handshake's answer as well, where it must not be.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// `GET /ws`: the handshake's answer with a permit, or a refusal alone. A request that is not a handshake is
/// answered as one would be: browsers hide from a page how its handshake was answered, so the page asks
/// again with `fetch`. `peer` is the client, or the proxy before it.
pub(crate) fn websocket<B>(
    app: &App,
    peer: IpAddr,
    request: &Request<B>,
) -> (Response, Option<SessionPermit>) {
    if !may_connect(request.headers(), &app.limits.origins, app.limits.forwarded) {
        return refuse(forbidden(app, request.headers()));
    }
    if app.ending.load(Ordering::Relaxed) {
        let text = "this server is ending, connect to another one\n";
        return refuse((StatusCode::SERVICE_UNAVAILABLE, RETRY, text));
    }
    let client = || {
        let named = app.limits.forwarded.client(request.headers());
        // Without the header of a trusted proxy the user counts for the proxy: a limit that is too strict
        // is noticed, one that does not hold is not.
        named.unwrap_or(peer)
    };
    let permit = match app.sessions.permit(client) {
        Ok(permit) => permit,
        Err(Refusal::ServerIsFull) => {
            let most = app.limits.users;
            let text = format!("this server has reached --max-users {most}, try another server\n");
            return refuse((StatusCode::SERVICE_UNAVAILABLE, RETRY, text));
        }
        Err(Refusal::AddressIsFull(address)) => {
            // A page that was refused asks for the reason, by POST; that is not another refused user.
            if request.method() == Method::GET {
                count_refusal(app, address);
            }
            return refuse(too_many(app));
        }
    };
    let upgrade = [(UPGRADE, "websocket")];
    // RFC 6455, section 4.2.1. A proxy with default settings speaks HTTP/1.0 and leaves the Upgrade out, so
    // this is checked first: its owner has to learn the cause, and not the consequence.
    if request.version() < Version::HTTP_11 {
        let text = "a WebSocket handshake is HTTP/1.1: if there is a proxy, set it to that (nginx: proxy_http_version 1.1;)\n";
        return refuse((StatusCode::UPGRADE_REQUIRED, upgrade, text));
    }
    if request.method() != Method::GET || !is_upgrade_request(request) {
        let text = "this is the WebSocket: open it from the page at / or with a WebSocket client\n";
        return refuse((StatusCode::UPGRADE_REQUIRED, upgrade, text));
    }
    let Ok(answer) = Handshake::new().receive_request(request) else {
        let text = "a WebSocket handshake needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13\n";
        let version = [(SEC_WEBSOCKET_VERSION, "13")];
        return refuse((StatusCode::BAD_REQUEST, version, text));
    };
    (answer.map(|()| Body::empty()), Some(permit))
}

fn refuse(answer: impl IntoResponse) -> (Response, Option<SessionPermit>) {
    (guard(answer.into_response()), None)
}

fn forbidden(app: &App, headers: &HeaderMap) -> Response {
    let origin = headers
        .get(ORIGIN)
        .map(|origin| String::from_utf8_lossy(origin.as_bytes()))
        .unwrap_or_default();
    let client = app.limits.forwarded.client(headers);
    log_refusal(&app.refusals, &origin, client);
    (StatusCode::FORBIDDEN, advice(&origin)).into_response()
}

/// 429 and not 503: this is about one client, and a proxy that retries a 503 must not send it on to the next
/// server. The text does not name the address, which may be that of a proxy inside the owner's network.
fn too_many(app: &App) -> Response {
    let most = app.limits.users_per_address.unwrap_or_default();
    let text = format!(
        "your address has reached --max-users-per-address {most} on this server: close one of its connections, or try again later\n"
    );
    (StatusCode::TOO_MANY_REQUESTS, RETRY, text).into_response()
}

fn count_refusal(app: &App, address: IpAddr) {
    metrics::counter!(ADDRESS_REFUSALS).increment(1);
    if let Some(refused) = app.address_refusals.count() {
        tracing::warn!(
            refused,
            %address,
            most = app.limits.users_per_address,
            "refused users: their address has reached --max-users-per-address"
        );
    }
}
