//! The name of a stock, checked once at the edge.

use arrayvec::ArrayString;
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The most characters that a stock's name has.
const LONGEST: usize = 24;

/// A stock's name: 1 to 24 of `A–Z 0–9` and `. - ^ = / & _ : +`. It has no allocation and is `Copy`.
///
/// Real feeds have `BRK/B`, `^GSPC`, `EURUSD=X` and `M&M.NS`.
///
/// ```
/// use hub::Stock;
///
/// let apple: Stock = "APPL".parse()?;
/// assert_eq!(apple.as_str(), "APPL");
/// assert!("appl".parse::<Stock>().is_err());
/// # Ok::<(), hub::BadStock>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stock(ArrayString<LONGEST>);

/// A text that is not the name of a stock.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{name:?} is not a stock: write 1 to {LONGEST} of A-Z, 0-9 and . - ^ = / & _ : +, for instance APPL"
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
        let allowed = |byte: &u8| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || b".-^=/&_:+".contains(byte)
        };
        if !name.is_empty()
            && name.iter().all(allowed)
            && let Ok(text) = str::from_utf8(name)
            && let Ok(text) = ArrayString::from(text)
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
    fn a_stock_is_one_to_twenty_four_capitals_digits_and_signs() {
        for good in [
            "A",
            "APPL",
            "BRK.B",
            "BRK/B",
            "^GSPC",
            "EURUSD=X",
            "M&M.NS",
            "7203.T",
            "BTC-USD",
            "A_B:C+D",
            "ABCDEFGHIJKLMNOPQRSTUVWX",
        ] {
            assert_eq!(good.parse::<Stock>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "appl",
            "AP PL",
            "ABCDEFGHIJKLMNOPQRSTUVWXY",
            "ÄPPL",
            "A\0",
            "A,B",
            "*",
        ] {
            assert!(bad.parse::<Stock>().is_err(), "{bad:?} was accepted");
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
