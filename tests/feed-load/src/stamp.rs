//! A price that says when it was published and which one it is.

use nix::time::{ClockId, clock_gettime};

/// What a price of ours carries in its digits: `7301234567.00000042` was published 7,301.234567 s
/// after the machine started, as the 42nd price of its stock.
///
/// The wire has no room for anything but a decimal number, and needs none: the whole part takes
/// the time, the eight decimals take the number. Every process of one machine reads the same
/// monotonic clock, so a user in one process can date what a publisher in another has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds on the machine's monotonic clock.
    pub micros: u64,
    /// The price's number within its stock, from 1.
    pub number: u32,
}

impl Stamp {
    /// The highest number that eight decimals can carry.
    pub const LAST: u32 = 99_999_999;

    /// A stamp for the price with this number, dated now.
    pub fn now(number: u32) -> Self {
        Self {
            micros: now_micros(),
            number,
        }
    }

    /// Reads a price back, or finds that it is not one of ours: it must have eight decimals.
    pub fn read(price: &[u8]) -> Option<Self> {
        let point = price.len().checked_sub(9)?;
        if price[point] != b'.' {
            return None;
        }
        Some(Self {
            micros: digits(&price[..point])?,
            number: u32::try_from(digits(&price[point + 1..])?).ok()?,
        })
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:08}", self.micros, self.number)
    }
}

/// Microseconds on the machine's monotonic clock.
pub fn now_micros() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
    now.tv_sec().unsigned_abs() * 1_000_000 + now.tv_nsec().unsigned_abs() / 1_000
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_journey_as_a_price() {
        let sent = Stamp::now(42);
        assert_eq!(Stamp::read(sent.to_string().as_bytes()), Some(sent));
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
            assert_eq!(Stamp::read(price.as_bytes()), None, "{price}");
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
