//! What somebody is told whose request was not done.

use std::error::Error as _;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::store::StoreError;

/// The most bytes that a request may carry; the longest game ever played fits four times.
pub(crate) const LONGEST_BODY: usize = 16 * 1024;

/// A status, a word for programs and a sentence for people:
/// `{"error":"unknown_game","message":"there is no game \"x\"; add it first with POST /games"}`.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Stays the same when the message is reworded, so a program may compare it.
    error: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    error: &'a str,
    message: &'a str,
}

impl Problem {
    pub(crate) async fn no_such_path(uri: Uri) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error: "no_such_path",
            message: format!(
                "there is nothing at {}; try /games, /games/ID or /games/ID/moves",
                uri.path()
            ),
        }
    }

    pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error: "no_such_method",
            message: format!(
                "{method} is not possible at {}; the header Allow says what is",
                uri.path()
            ),
        }
    }

    pub(crate) fn not_in_time(limit: Duration) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: "not_in_time",
            message: format!(
                "this took longer than {} s and may or may not have been done; \
                 send the same request again: what was done is not done twice",
                limit.as_secs()
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let answer = Json(Answer {
            error: self.error,
            message: &self.message,
        });
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            // Seconds. A client that comes back at once would only add to the trouble.
            return (self.status, [(header::RETRY_AFTER, "1")], answer).into_response();
        }
        (self.status, answer).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (status, word) = match &error {
            StoreError::UnknownGame(_) => (StatusCode::NOT_FOUND, "unknown_game"),
            StoreError::DuplicateGame(_) => (StatusCode::CONFLICT, "duplicate_game"),
            StoreError::NotNext { .. } => (StatusCode::CONFLICT, "not_next"),
            StoreError::Full(_) => (StatusCode::CONFLICT, "full"),
            StoreError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            StoreError::Unforeseen(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unforeseen"),
        };
        if error.source().is_some() {
            // What the database says is for its owner, not for the client that asked.
            tracing::error!("{}", error.with_causes());
        }
        Self {
            status,
            error: word,
            message: error.to_string(),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let (error, hint) = match rejection.status() {
            StatusCode::BAD_REQUEST => ("bad_json", "check the brackets and the quotes".to_owned()),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("not_json", "with curl, use --json instead of -d".to_owned())
            }
            StatusCode::PAYLOAD_TOO_LARGE => (
                "too_large",
                format!("the most is {LONGEST_BODY} bytes; send moves one by one"),
            ),
            _ => (
                "bad_field",
                "see the fields in lessons/01b-which-database.md".to_owned(),
            ),
        };
        Self {
            status: rejection.status(),
            error,
            message: format!("{}; {hint}", rejection.body_text()),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        // A text that cannot be an id is the id of no game: for the one who asks, not found.
        Self {
            status: StatusCode::NOT_FOUND,
            error: "unknown_game",
            message: format!("there cannot be such a game: {}", rejection.body_text()),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self {
            status: rejection.status(),
            error: "bad_query",
            message: format!("{}; write /games?after=ID&limit=100", rejection.body_text()),
        }
    }
}
