//! The lecture's logger.ts: prints what *it* sees.

use std::io::{self, Write};

use game::Summary;

use crate::GAME_MANAGER;

/// Prints one line about the games that this file knows of.
///
/// # Errors
/// If `out` cannot be written to.
pub fn look(out: &mut impl Write) -> io::Result<Summary> {
    GAME_MANAGER.log_state(out)
}
