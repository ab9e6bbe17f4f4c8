//! What a server sends to a user: the messages of the stock feed's wire protocol, as text.

use std::borrow::Cow;

use serde::Deserialize;

/// One message, read in place.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Message<'a> {
    #[serde(borrow)]
    Price(Price<'a>),
    Subscribed {
        #[serde(borrow)]
        stock: Cow<'a, str>,
    },
    /// No price of this stock follows.
    Unsubscribed {
        #[serde(borrow)]
        stock: Cow<'a, str>,
    },
    /// Whether prices reach the server at all.
    Status {
        feed: Feed,
        /// The one stock it is about, or all of them.
        #[serde(borrow, default)]
        stock: Option<Cow<'a, str>>,
    },
    /// The server refused something.
    Error {
        /// For instance `too_many_stocks`.
        #[serde(borrow)]
        code: Cow<'a, str>,
    },
}

/// A price of a stock.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Price<'a> {
    #[serde(borrow)]
    pub(crate) stock: Cow<'a, str>,
    /// The decimal number as it was published.
    #[serde(borrow)]
    pub(crate) price: Cow<'a, str>,
    /// It is the price on joining: published before this user followed the stock.
    #[serde(default)]
    pub(crate) last: bool,
    /// How many prices were skipped between the previous one and this one.
    #[serde(default)]
    pub(crate) missed: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Feed {
    Live,
    /// The server has lost its broker: prices may be old, and may be lost.
    Stale,
}

impl<'a> Message<'a> {
    /// Reads a message; `None` if the text is not one.
    pub(crate) fn read(text: &'a [u8]) -> Option<Self> {
        // Nearly all that arrives is a plain price, and reading it as JSON costs more than the
        // system call that fetched it. Whatever looks different in the least goes to serde.
        Self::plain_price(text).or_else(|| serde_json::from_slice(text).ok())
    }

    fn plain_price(text: &'a [u8]) -> Option<Self> {
        let rest = text.strip_prefix(br#"{"type":"price","stock":""#)?;
        let (stock, rest) = until_quote(rest)?;
        let (price, rest) = until_quote(rest.strip_prefix(br#","price":""#)?)?;
        let (last, missed) = match rest {
            b"}" => (false, 0),
            br#","last":true}"# => (true, 0),
            _ => {
                let number = rest.strip_prefix(br#","missed":"#)?.strip_suffix(b"}")?;
                (false, std::str::from_utf8(number).ok()?.parse().ok()?)
            }
        };
        let (stock, price) = (Cow::Borrowed(stock), Cow::Borrowed(price));
        Some(Self::Price(Price {
            stock,
            price,
            last,
            missed,
        }))
    }
}

/// Splits at the closing quote. A backslash before it could mean that it does not close.
fn until_quote(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    if text[end] == b'\\' {
        return None;
    }
    Some((std::str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_and_serde_read_the_same_prices() {
        for text in [
            r#"{"type":"price","stock":"APPL","price":"100.01"}"#,
            r#"{"type":"price","stock":"BRK.B","price":"1","last":true}"#,
            r#"{"type":"price","stock":"A","price":"7.25","missed":18446744073709551615}"#,
        ] {
            let short = Message::plain_price(text.as_bytes());
            assert!(short.is_some(), "{text} was read by serde");
            assert_eq!(short, serde_json::from_str(text).ok());
        }
    }

    #[test]
    fn a_price_written_in_any_other_way_is_still_understood() {
        for text in [
            r#"{"type":"price","stock":"A","price":"1","last":true,"missed":3}"#,
            r#"{"missed":3,"last":true,"price":"1","stock":"A","type":"price"}"#,
            r#" { "type" : "price", "stock":"\u0041", "price":"1", "last":true, "missed":3 } "#,
        ] {
            let (stock, price) = ("A".into(), "1".into());
            let expected = Message::Price(Price {
                stock,
                price,
                last: true,
                missed: 3,
            });
            assert_eq!(Message::read(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_other_message_of_the_protocol_is_understood() {
        let stock = || Cow::Borrowed("A");
        let (live, stale) = (Feed::Live, Feed::Stale);
        for (text, expected) in [
            (
                r#"{"type":"status","feed":"live"}"#,
                Message::Status {
                    feed: live,
                    stock: None,
                },
            ),
            (
                r#"{"type":"status","feed":"stale","stock":"A"}"#,
                Message::Status {
                    feed: stale,
                    stock: Some(stock()),
                },
            ),
            (
                r#"{"type":"subscribed","stock":"A"}"#,
                Message::Subscribed { stock: stock() },
            ),
            (
                r#"{"type":"unsubscribed","stock":"A"}"#,
                Message::Unsubscribed { stock: stock() },
            ),
            (
                r#"{"type":"error","code":"bad_stock","message":"a stock is…"}"#,
                Message::Error {
                    code: "bad_stock".into(),
                },
            ),
        ] {
            assert_eq!(Message::read(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_message_is_not_taken_for_one() {
        for text in [
            "",
            "{",
            r#"{"type":"price","stock":"A"}"#,
            r#"{"type":"trade"}"#,
            "\u{1}",
        ] {
            assert_eq!(Message::read(text.as_bytes()), None, "{text}");
        }
    }
}
