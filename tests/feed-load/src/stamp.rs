//! A price that says when it was published and which one it is.

use std::fmt;

use nix::time::{ClockId, clock_gettime};

/// What a price of ours carries in its digits: `7301234567.00000042` was published 7,301.234567 s
/// after the machine started, as the 42nd price of its stock.
///
/// The wire has no room for anything but a decimal number, and needs none: the whole part takes
/// the time, the eight decimals take the number. Every process of one machine reads the same
/// monotonic clock, so a user in one process can date what a publisher in another has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Microseconds on the machine's monotonic clock.
    pub(crate) micros: u64,
    /// The price's number within its stock, from 1.
    pub(crate) number: u32,
}

impl Stamp {
    /// The highest number that eight decimals can carry.
    pub(crate) const LAST: u32 = 99_999_999;

    /// Reads a price back, or finds that it is not one of ours: it must have eight decimals.
    pub(crate) fn read(price: &str) -> Option<Self> {
        let (micros, number) = price.split_once('.')?;
        if number.len() != 8 {
            return None;
        }
        let (micros, number) = (micros.parse().ok()?, number.parse().ok()?);
        Some(Self { micros, number })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:08}", self.micros, self.number)
    }
}

/// Microseconds on the machine's monotonic clock.
pub(crate) fn now_micros() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
    now.tv_sec().unsigned_abs() * 1_000_000 + now.tv_nsec().unsigned_abs() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_from_a_price() {
        let sent = Stamp {
            micros: now_micros(),
            number: 42,
        };
        assert_eq!(Stamp::read(&sent.to_string()), Some(sent));
        assert!(sent.to_string().ends_with(".00000042"));
    }

    #[test]
    fn a_price_of_a_market_is_not_taken_for_a_stamp() {
        for price in [
            "100.01",
            "7",
            "",
            ".00000001",
            "12345678",
            "1.0000000x",
            "1.000000001",
        ] {
            assert_eq!(Stamp::read(price), None, "{price}");
        }
    }

    #[test]
    fn a_stamp_fits_the_digits_that_a_price_may_have() {
        let longest = Stamp {
            micros: 999_999_999_999_999,
            number: Stamp::LAST,
        };
        assert_eq!(longest.to_string(), "999999999999999.99999999");
    }
}
