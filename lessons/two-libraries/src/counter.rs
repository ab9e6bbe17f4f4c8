//! The dynamic library: one static, and a function that counts with it.

use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Adds one, and returns the count.
// SAFETY: no other library of this program exports a function of this name.
#[unsafe(no_mangle)]
pub extern "C" fn count() -> u32 {
    COUNT.fetch_add(1, Ordering::Relaxed) + 1
}
