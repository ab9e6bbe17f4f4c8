//! The page: plain files, part of the program, served under a strict policy.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

/// The page may load what this server serves, and talk to this server; nothing else, no inline
/// script, no frame around it. A price that was a piece of script would stay a piece of text.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Headers that every answer carries.
pub(crate) const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // A new server brings a new page; it is a few kilobytes.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const FILES: [(&str, &str, &str); 9] = [
    ("style.css", CSS, include_str!("../page/style.css")),
    ("icon.svg", SVG, include_str!("../page/icon.svg")),
    ("main.js", JS, include_str!("../page/main.js")),
    ("feed.js", JS, include_str!("../page/feed.js")),
    ("quotes.js", JS, include_str!("../page/quotes.js")),
    ("board.js", JS, include_str!("../page/board.js")),
    ("draw.js", JS, include_str!("../page/draw.js")),
    ("server.js", JS, include_str!("../page/server.js")),
    ("silence.js", JS, include_str!("../page/silence.js")),
];

/// `GET /`
pub(crate) async fn index() -> Response {
    ([(CONTENT_TYPE, HTML)], include_str!("../page/index.html")).into_response()
}

/// `GET /page/{name}`
pub(crate) async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => ([(CONTENT_TYPE, *kind)], *text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
