//! What a user is sent, and how that becomes bytes.

use crate::{Price, Stock};
use serde::Serialize;

/// Whether prices arrive from the broker at this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Feed {
    /// They do: the last price is the newest there is.
    Live,
    /// They do not: the last price may be old.
    Stale,
}

/// What a user is sent. Its JSON is the stock feed's wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FeedMessage<'a> {
    /// The user is subscribed to the stock on this server; the broker may still have to confirm it.
    Subscribed {
        /// For instance `APPL`.
        stock: &'a Stock,
    },
    /// The user is not subscribed to the stock any more: no price of it comes after this.
    Unsubscribed {
        /// For instance `APPL`, also if the user was not subscribed to it.
        stock: &'a Stock,
    },
    /// A price of a stock to which the user is subscribed.
    Price {
        /// For instance `APPL`.
        stock: &'a Stock,
        /// As it was published: `100.10` stays `100.10`.
        price: &'a Price,
        /// Whether this is the last price from before the user subscribed, rather than a new one: it is
        /// the first price that the user is sent, or there is none.
        #[serde(skip_serializing_if = "is_false")]
        last: bool,
        /// How many prices of the stock were relayed and skipped since the last one that this user was
        /// sent.
        #[serde(skip_serializing_if = "is_zero")]
        missed: u64,
    },
    /// Whether prices flow: those of one stock, or of all stocks without a status of their own.
    Status {
        /// Live or stale from this message on.
        feed: Feed,
        /// The one stock that this is about, or none for the whole feed.
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
/// A message is encoded once for all users that are sent it, so the bytes must not depend on the user.
pub trait Encode: Send + Sync + 'static {
    /// Appends the message to `into`. It must be complete in itself, because the bytes of several
    /// messages may be sent in one write.
    fn encode(&self, message: &FeedMessage<'_>, into: &mut Vec<u8>);
}

/// One JSON object a line: the default encoding.
#[derive(Debug, Clone, Copy)]
pub struct JsonLines;

impl Encode for JsonLines {
    fn encode(&self, message: &FeedMessage<'_>, into: &mut Vec<u8>) {
        serde_json::to_writer(&mut *into, message)
            .expect("a message has string keys, and a Vec takes every write");
        into.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: FeedMessage<'_>) -> String {
        let mut bytes = Vec::new();
        JsonLines.encode(&message, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn messages_are_the_json_of_the_wire_protocol() {
        let stock = &"APPL".parse().unwrap();
        let price = &"100.01".parse().unwrap();
        let sent = [
            line(FeedMessage::Subscribed { stock }),
            line(FeedMessage::Unsubscribed { stock }),
            line(FeedMessage::Price {
                stock,
                price,
                last: false,
                missed: 0,
            }),
            line(FeedMessage::Price {
                stock,
                price,
                last: true,
                missed: 0,
            }),
            line(FeedMessage::Price {
                stock,
                price,
                last: false,
                missed: 3,
            }),
            line(FeedMessage::Status {
                feed: Feed::Live,
                stock: None,
            }),
            line(FeedMessage::Status {
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
