//! The secret by which `serve` tells its servers to close a room.
//!
//! Without it, anybody who reaches a server could send the players of any room away.

use std::env;
use std::fmt;

use crate::seats::{TokenHash, new_token};

/// The environment variable in which a server gets it. Arguments can be read by every user of the machine.
pub const VARIABLE: &str = "STICKY_ROOMS_CONTROL";

/// A secret of one `serve` and its servers.
#[derive(Clone)]
pub struct ControlToken(String);

impl ControlToken {
    /// A new one: 128 random bits.
    pub fn random() -> Self {
        Self(new_token())
    }

    /// The one of the environment; none for a server without a controller.
    pub fn of_environment() -> Option<Self> {
        let token = env::var(VARIABLE).ok()?;
        (!token.is_empty()).then_some(Self(token))
    }

    /// For the environment of a server.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the header `authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether this is the value of that header. Hashes are compared, so that the time which it takes says
    /// nothing about the token.
    pub fn is_in(&self, header: &[u8]) -> bool {
        let header = String::from_utf8_lossy(header);
        TokenHash::of(&header) == TokenHash::of(&self.bearer())
    }
}

impl fmt::Debug for ControlToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlToken")
    }
}
