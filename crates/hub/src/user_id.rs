//! The number by which the caller knows a user.

use serde::Serialize;
use std::fmt;

/// The number by which the caller knows a user; the hub only repeats it in events and logs, so two
/// users with one number are still two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UserId(pub u64);

impl fmt::Display for UserId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user {}", self.0)
    }
}
