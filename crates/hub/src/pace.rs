//! How often a user is sent prices.

use std::time::Duration;
use thiserror::Error;

/// The interval in which a user is sent prices once at most: the newest of each of its stocks that
/// changed, in one write. Between 100 ms and a minute.
///
/// ```
/// use hub::Pace;
/// use std::time::Duration;
///
/// let pace = Pace::new(Duration::from_secs(1))?;
/// assert_eq!(pace.interval(), Duration::from_secs(1));
/// assert!(Pace::new(Duration::from_millis(99)).is_err());
/// # Ok::<(), hub::BadPace>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pace(Duration);

/// A time that is not a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a pace is a time between 100ms and 60s, for instance 500ms or 1s")]
pub struct BadPace;

impl Pace {
    /// More often would be a price at a time again, with the cost of a timer.
    pub const SHORTEST: Duration = Duration::from_millis(100);
    /// Less often, a user could not tell a quiet feed from a lost connection.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// Checks the bounds, which are a part of the range.
    ///
    /// # Errors
    /// The interval is shorter than [`SHORTEST`](Self::SHORTEST) or longer than
    /// [`LONGEST`](Self::LONGEST).
    pub fn new(interval: Duration) -> Result<Self, BadPace> {
        if (Self::SHORTEST..=Self::LONGEST).contains(&interval) {
            Ok(Self(interval))
        } else {
            Err(BadPace)
        }
    }

    /// The time between two writes.
    pub fn interval(self) -> Duration {
        self.0
    }
}

/// Whether a user is sent each price, or the newest at a pace. It is one byte of a user's state, and which
/// pace it is stays with the user's turn: a user without a pace pays for neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    EachPrice,
    Paced,
}

impl Mode {
    pub(crate) fn of(pace: Option<Pace>) -> Self {
        match pace {
            None => Self::EachPrice,
            Some(_) => Self::Paced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_between_a_tenth_of_a_second_and_a_minute() {
        for good in [100, 101, 1_000, 60_000] {
            assert!(Pace::new(Duration::from_millis(good)).is_ok(), "{good}");
        }
        for bad in [0, 99, 60_001, u64::MAX] {
            assert_eq!(Pace::new(Duration::from_millis(bad)), Err(BadPace), "{bad}");
        }
    }

    #[test]
    fn the_error_names_the_bounds() {
        let error = BadPace.to_string();
        for bound in [Pace::SHORTEST.as_millis(), Pace::LONGEST.as_secs().into()] {
            assert!(error.contains(&bound.to_string()), "{bound}: {error}");
        }
    }
}
