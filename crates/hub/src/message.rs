//! What a user is sent, and how that becomes bytes.

use crate::{Price, Stock};
use serde::Serialize;

/// Whether prices flow from the broker to this server now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Feed {
    /// They do: what you see is the newest there is.
    Live,
    /// They do not: what you see may be old.
    Stale,
}

/// What a user is sent. Its JSON is the stock feed's wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Message<'a> {
    /// This server accepts that the user follows the stock.
    Subscribed {
        /// The stock that is followed.
        stock: &'a Stock,
    },
    /// The user does not follow the stock any more: no price of it comes after this.
    Unsubscribed {
        /// The stock that was left.
        stock: &'a Stock,
    },
    /// A price of a stock that the user follows.
    Price {
        /// The stock that the price is of.
        stock: &'a Stock,
        /// Its price, as it was published.
        price: &'a Price,
        /// Whether this is the last price known when the user joined, rather than a new one.
        #[serde(skip_serializing_if = "is_false")]
        last: bool,
        /// How many prices were relayed and skipped since the one that this user got before.
        #[serde(skip_serializing_if = "is_zero")]
        missed: u64,
    },
    /// Whether prices flow: of one stock if it is named, of all others if not.
    Status {
        /// The state from this message on.
        feed: Feed,
        /// The one stock that this is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        stock: Option<&'a Stock>,
    },
}

// Serde passes a reference to the function that decides whether a field is skipped.
fn is_false(last: &bool) -> bool {
    !last
}

fn is_zero(missed: &u64) -> bool {
    *missed == 0
}

/// How messages become bytes.
///
/// A message is encoded once and shared by all its receivers, so what comes out must not depend
/// on who receives it.
pub trait Encode: Send + Sync + 'static {
    /// Appends the message to `into`, complete in itself: bytes of two messages may leave together.
    fn encode(&self, message: &Message<'_>, into: &mut Vec<u8>);
}

/// One JSON object a line: the encoding when nothing else is asked for.
#[derive(Debug, Clone, Copy)]
pub struct JsonLines;

impl Encode for JsonLines {
    fn encode(&self, message: &Message<'_>, into: &mut Vec<u8>) {
        serde_json::to_writer(&mut *into, message)
            .expect("a message has string keys, and a Vec takes every write");
        into.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: Message<'_>) -> String {
        let mut bytes = Vec::new();
        JsonLines.encode(&message, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn messages_are_the_json_of_the_wire_protocol() {
        let stock = &"APPL".parse().unwrap();
        let price = &"100.01".parse().unwrap();
        let sent = [
            line(Message::Subscribed { stock }),
            line(Message::Unsubscribed { stock }),
            line(Message::Price {
                stock,
                price,
                last: false,
                missed: 0,
            }),
            line(Message::Price {
                stock,
                price,
                last: true,
                missed: 0,
            }),
            line(Message::Price {
                stock,
                price,
                last: false,
                missed: 3,
            }),
            line(Message::Status {
                feed: Feed::Live,
                stock: None,
            }),
            line(Message::Status {
                feed: Feed::Stale,
                stock: Some(stock),
            }),
        ];
        let protocol = [
            r#"{"type":"subscribed","stock":"APPL"}"#,
            r#"{"type":"unsubscribed","stock":"APPL"}"#,
            r#"{"type":"price","stock":"APPL","price":"100.01"}"#,
            r#"{"type":"price","stock":"APPL","price":"100.01","last":true}"#,
            r#"{"type":"price","stock":"APPL","price":"100.01","missed":3}"#,
            r#"{"type":"status","feed":"live"}"#,
            r#"{"type":"status","feed":"stale","stock":"APPL"}"#,
        ];
        assert_eq!(sent.concat(), protocol.join("\n") + "\n");
    }
}
