//! The name of a stock, checked once at the edge.

use crate::text::Text;
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The most characters that a stock's name has.
const LONGEST: usize = 16;

/// A stock's name: 1 to 16 of `A–Z 0–9 . -`, kept in place and cheap to copy.
///
/// ```
/// use pubsub_manager::Stock;
///
/// let apple: Stock = "APPL".parse()?;
/// assert_eq!(apple.as_str(), "APPL");
/// assert!("appl".parse::<Stock>().is_err());
/// # Ok::<(), pubsub_manager::BadStock>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stock(Text<LONGEST>);

/// What was given is not the name of a stock.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{name:?} is not a stock: write 1 to {LONGEST} of A-Z, 0-9, '.' and '-', for instance APPL"
)]
pub struct BadStock {
    name: String,
}

impl Stock {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Checks a name that came as bytes.
    ///
    /// # Errors
    /// [`BadStock`], quoting no more than the start of what was given.
    pub fn from_bytes(name: &[u8]) -> Result<Self, BadStock> {
        let allowed = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-');
        if !name.is_empty()
            && name.iter().all(allowed)
            && let Some(text) = Text::new(name)
        {
            return Ok(Self(text));
        }
        let start = &name[..name.len().min(2 * LONGEST)];
        Err(BadStock {
            name: String::from_utf8_lossy(start).into_owned(),
        })
    }
}

impl FromStr for Stock {
    type Err = BadStock;

    fn from_str(name: &str) -> Result<Self, BadStock> {
        Self::from_bytes(name.as_bytes())
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Stock({self})")
    }
}

impl Serialize for Stock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_is_one_to_sixteen_capitals_digits_dots_and_dashes() {
        for good in ["A", "APPL", "BRK.B", "0700-HK", "ABCDEFGHIJKLMNOP"] {
            assert_eq!(good.parse::<Stock>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "appl",
            "AP PL",
            "ABCDEFGHIJKLMNOPQ",
            "ÄPPL",
            "A\0",
            "A_B",
            "*",
        ] {
            assert!(bad.parse::<Stock>().is_err(), "{bad:?} was let in");
        }
    }

    #[test]
    fn a_long_bad_name_is_quoted_by_its_start_only() {
        let error = Stock::from_bytes(&[b'x'; 4_000]).unwrap_err();
        assert!(error.to_string().len() < 150, "{error}");
    }

    #[test]
    fn stocks_sort_as_in_a_dictionary() {
        let mut stocks: Vec<Stock> = ["B", "AB", "A"].map(|name| name.parse().unwrap()).into();
        stocks.sort();
        assert_eq!(
            stocks.iter().map(Stock::as_str).collect::<Vec<_>>(),
            ["A", "AB", "B"]
        );
    }
}
