//! The caller's number for a user.

use serde::Serialize;
use std::fmt;

/// The caller's number for a user. The hub only repeats it in events and logs, so two connections with
/// one number are still two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UserId(pub u64);

impl fmt::Display for UserId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user {}", self.0)
    }
}
