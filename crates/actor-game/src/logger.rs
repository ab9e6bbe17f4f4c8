//! The lecture's logger.ts: prints what *it* sees.

use std::io::Write;

use game::Summary;
use story::StoreError;

use crate::GameManager;

/// Prints one line about the games that the task holds.
///
/// # Errors
/// If the task has ended, or `out` cannot be written to.
pub async fn look(manager: &GameManager, out: &mut impl Write) -> Result<Summary, StoreError> {
    let summary = manager.look().await?;
    writeln!(out, "{summary}")?;
    Ok(summary)
}
