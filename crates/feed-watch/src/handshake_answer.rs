//! Why a handshake failed, for a person: what answered may be no feed at all.

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::header::CONTENT_TYPE;
use tokio_tungstenite::tungstenite::http::{Response, StatusCode};

/// How much of an answer is quoted, in characters.
const MAX_QUOTED: usize = 200;

/// Why a handshake failed, in one line.
pub(crate) fn why_refused(error: &Error) -> String {
    match error {
        Error::Http(answer) => answered(answer),
        error => error.to_string(),
    }
}

/// Quotes an answer that refused a handshake if it is a line of text, as a stock feed's own answers are;
/// otherwise something else answered in place of a feed.
fn answered(answer: &Response<Option<Vec<u8>>>) -> String {
    let status = answer.status();
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
    let line = body.lines().next().unwrap_or_default().trim();
    // Without its control characters: another program's text could move this terminal's cursor.
    let line: String = line
        .chars()
        .filter(|char| !char.is_control())
        .take(MAX_QUOTED)
        .collect();
    let what = match kind {
        kind if kind.starts_with("text/html") => ", a page and not a feed",
        _ if status.is_success() => ", which is not a feed",
        kind if kind.starts_with("text/plain") && !line.is_empty() => {
            return format!("{status}: {line}");
        }
        _ => "",
    };
    let advice = match status {
        status if status.is_success() || status == StatusCode::NOT_FOUND => ": look at the path",
        _ => "",
    };
    format!("{status}{what}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_instead_of_a_feed_is_named_in_one_line() {
        let answer = |status, kind: &str, body: &str| {
            let answer = Response::builder()
                .status(status)
                .header(CONTENT_TYPE, kind);
            answered(&answer.body(Some(body.as_bytes().to_vec())).unwrap())
        };
        assert_eq!(
            answer(200, "text/html; charset=utf-8", "<!doctype html>\n<p>"),
            "200 OK, a page and not a feed: look at the path"
        );
        assert_eq!(
            answer(502, "text/html", "<html>"),
            "502 Bad Gateway, a page and not a feed"
        );
        assert_eq!(
            answer(503, "text/plain", "this server has reached --max-users 5\n"),
            "503 Service Unavailable: this server has reached --max-users 5"
        );
        assert_eq!(answer(404, "", ""), "404 Not Found: look at the path");
        assert_eq!(
            answer(200, "application/json", "{}"),
            "200 OK, which is not a feed: look at the path"
        );
        let long = format!("\x1b[31m{}\nmore", "x".repeat(10_000));
        let said = answer(403, "text/plain", &long);
        assert_eq!(said, format!("403 Forbidden: [31m{}", "x".repeat(196)));
    }
}
