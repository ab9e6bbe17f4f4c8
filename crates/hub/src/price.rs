//! A price, checked once at the edge and relayed as it was published.

use arrayvec::ArrayString;
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The most digits before the point.
const WHOLE: usize = 15;
/// The most digits after it.
const FRACTION: usize = 15;
const LONGEST: usize = 1 + WHOLE + 1 + FRACTION;

/// A price: the decimal string that was published, `-?[0-9]{1,15}(\.[0-9]{1,15})?`.
///
/// It may be negative, as that of a barrel of oil was in April 2020. It is never a float: `100.10`
/// stays `100.10`, and no user is sent 100.09999999999999.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Price(ArrayString<LONGEST>);

/// A text that is not a price.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a price: write up to {WHOLE} digits, and up to {FRACTION} after a point, for instance 100.01 or -0.5"
)]
pub struct BadPrice {
    text: String,
}

impl Price {
    /// The price as it was published.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Checks a price that came as bytes.
    ///
    /// # Errors
    /// [`BadPrice`], quoting no more than the start of what was given.
    pub fn from_bytes(text: &[u8]) -> Result<Self, BadPrice> {
        if text.len() <= LONGEST
            && is_a_price(text)
            && let Ok(text) = str::from_utf8(text)
            && let Ok(text) = ArrayString::from(text)
        {
            return Ok(Self(text));
        }
        let start = &text[..text.len().min(2 * LONGEST)];
        Err(BadPrice {
            text: String::from_utf8_lossy(start).into_owned(),
        })
    }
}

fn is_a_price(text: &[u8]) -> bool {
    let digits =
        |part: &[u8], most| (1..=most).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let text = text.strip_prefix(b"-").unwrap_or(text);
    match text.iter().position(|byte| *byte == b'.') {
        None => digits(text, WHOLE),
        Some(point) => digits(&text[..point], WHOLE) && digits(&text[point + 1..], FRACTION),
    }
}

impl FromStr for Price {
    type Err = BadPrice;

    fn from_str(text: &str) -> Result<Self, BadPrice> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Price {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Price({self})")
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_kept_as_it_was_published() {
        for good in [
            "0",
            "100.01",
            "100.10",
            "007",
            "-36.98",
            "171.46099999999998",
            "-999999999999999.999999999999999",
        ] {
            assert_eq!(good.parse::<Price>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_text_that_is_not_a_plain_decimal_number_is_refused() {
        let bad = [
            "",
            ".",
            "1.",
            ".5",
            "-",
            "--1",
            "1-",
            "+1",
            "1e3",
            "1,5",
            "1.2.3",
            " 1",
            "NaN",
            "١",
            "1234567890123456",
            "1.1234567890123456",
            "1\n",
        ];
        for text in bad {
            assert!(text.parse::<Price>().is_err(), "{text:?} was accepted");
        }
        assert!(Price::from_bytes(&[b'1'; 1_000_000]).is_err());
    }
}
