//! The lecture's logger.ts: prints what *it* sees.

use std::io::{self, Write};

use game::Summary;

use crate::store::STORE;

/// Prints one line about the games in the store.
///
/// # Errors
/// If `out` cannot be written to.
pub fn look(out: &mut impl Write) -> io::Result<Summary> {
    let summary = STORE.state().games.values().collect();
    writeln!(out, "{summary}")?;
    Ok(summary)
}
