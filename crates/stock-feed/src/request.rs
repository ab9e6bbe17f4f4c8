//! The requests of users, and the answers to messages that are not requests.

use std::borrow::Cow;

use pubsub_manager::Stock;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

/// A message from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Send me this stock's prices.
    Subscribe(Stock),
    /// No more of this stock's prices.
    Unsubscribe(Stock),
}

/// Why a message from a user, or what its handshake asks for, is not a request. The connection stays open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It is not JSON.
    #[error("this is not JSON: {0}")]
    BadJson(String),
    /// It is JSON, but not a message of this protocol.
    #[error(r#"{0}; send {{"type":"subscribe","stock":"APPL"}} or unsubscribe"#)]
    BadMessage(String),
    /// It names something that cannot be a stock.
    #[error("{0}")]
    BadStock(String),
    /// The pace in the address of its handshake is not one, or not one that this server gives.
    #[error("{0}")]
    BadPace(String),
    /// The user has as many stocks as it may have.
    #[error("{0}")]
    TooManyStocks(String),
}

impl BadRequest {
    /// The code for programs; the message is for their authors.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadJson(_) => "bad_json",
            Self::BadMessage(_) => "bad_message",
            Self::BadStock(_) => "bad_stock",
            Self::BadPace(_) => "bad_pace",
            Self::TooManyStocks(_) => "too_many_stocks",
        }
    }

    /// Appends the error message for the user.
    pub fn to_json(&self, into: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Wire<'a> {
            r#type: &'a str,
            code: &'a str,
            message: &'a str,
        }
        let wire = Wire {
            r#type: "error",
            code: self.code(),
            message: &self.to_string(),
        };
        serde_json::to_writer(into, &wire).expect("three strings are JSON, and a Vec takes them");
    }
}

/// The shape on the wire. A struct rather than a tagged enum: serde would collect an enum's
/// fields in a map first, to look for the tag.
#[derive(Deserialize)]
struct Wire<'a> {
    r#type: Kind,
    #[serde(borrow)]
    stock: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Subscribe,
    Unsubscribe,
}

impl Request {
    /// Reads a text message. Unknown fields are ignored, so that a newer client can talk to an older server.
    ///
    /// # Errors
    /// [`BadRequest`] says what is wrong, and is itself the answer to the user.
    pub fn parse(text: &str) -> Result<Self, BadRequest> {
        let Wire { r#type, stock } = serde_json::from_str(text).map_err(|error| {
            let reason = error.to_string();
            match error.classify() {
                Category::Data => BadRequest::BadMessage(reason),
                _ => BadRequest::BadJson(reason),
            }
        })?;
        // Serde's derive also reads a list as a struct, field by field. A client that relied on it would break
        // when a field is added.
        if !text.trim_start().starts_with('{') {
            return Err(BadRequest::BadMessage("a message is an object".into()));
        }
        let stock = stock
            .parse()
            .map_err(|error| BadRequest::BadStock(format!("{error}")))?;
        Ok(match r#type {
            Kind::Subscribe => Self::Subscribe(stock),
            Kind::Unsubscribe => Self::Unsubscribe(stock),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> &'static str {
        Request::parse(text).expect_err(text).code()
    }

    #[test]
    fn the_two_requests_are_understood() {
        let stock = "BRK.B".parse().unwrap();
        let subscribe = r#" {"stock":"BRK.B", "type":"subscribe", "since":"tomorrow"}"#;
        assert_eq!(Request::parse(subscribe), Ok(Request::Subscribe(stock)));
        let unsubscribe = r#"{"type":"unsubscribe","stock":"\u0042RK.B"}"#;
        assert_eq!(Request::parse(unsubscribe), Ok(Request::Unsubscribe(stock)));
    }

    #[test]
    fn every_wrong_message_has_its_code() {
        for text in [
            "",
            "hello",
            "{",
            r#"{"type":"subscribe","stock":"A"}}"#,
            "nan",
        ] {
            assert_eq!(code(text), "bad_json", "{text}");
        }
        for text in [
            "1",
            "null",
            "{}",
            r#"["subscribe","APPL"]"#,
            r#"{"type":"publish","stock":"APPL","price":"1"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","stock":7}"#,
            r#"{"type":"subscribe","stock":"A","stock":"B"}"#,
        ] {
            assert_eq!(code(text), "bad_message", "{text}");
        }
        for stock in [
            "",
            "appl",
            "A B",
            "ABCDEFGHIJKLMNOPQRSTUVWXY",
            "*",
            "A\\u0000",
            "Ä",
        ] {
            let text = format!(r#"{{"type":"subscribe","stock":"{stock}"}}"#);
            assert_eq!(code(&text), "bad_stock", "{text}");
        }
    }

    #[test]
    fn nested_json_cannot_exhaust_the_stack() {
        let deep = format!(
            r#"{{"type":"subscribe","x":{}{}}}"#,
            "[".repeat(2000),
            "]".repeat(2000)
        );
        assert_eq!(
            code(&deep),
            "bad_message",
            "what is not known is passed over, however deep"
        );
    }

    proptest! {
        #[test]
        fn any_text_gets_a_request_or_a_short_answer_that_is_json(text in ".{0,300}") {
            if let Err(error) = Request::parse(&text) {
                let mut json = Vec::new();
                error.to_json(&mut json);
                prop_assert!(json.len() < 1_000);
                let answer: serde_json::Value = serde_json::from_slice(&json).unwrap();
                prop_assert_eq!(&answer["type"], "error");
            }
        }

        #[test]
        fn a_message_changed_in_one_place_never_follows_something_else(
            at in 0_usize..35,
            byte in any::<u8>(),
        ) {
            let mut text = br#"{"type":"subscribe","stock":"APPL"}"#.to_vec();
            text[at] = byte;
            let Ok(text) = String::from_utf8(text) else { return Ok(()) };
            if let Ok(Request::Subscribe(stock) | Request::Unsubscribe(stock)) = Request::parse(&text) {
                prop_assert!(text.contains(stock.as_str()));
            }
        }
    }
}
