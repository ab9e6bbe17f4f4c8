//! The lecture's logger.ts: prints what *it* sees.

use std::io::{self, Write};

use game::Summary;

use crate::GameManager;

/// Prints one line about the games of the manager that it is handed.
///
/// # Errors
/// If `out` cannot be written to.
pub fn look(manager: &GameManager, out: &mut impl Write) -> io::Result<Summary> {
    manager.log_state(out)
}
