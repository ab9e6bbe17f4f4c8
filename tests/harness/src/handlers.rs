//! Whether a process has set its handlers for signals yet.

use std::fs;

/// The bit of SIGHUP in the masks of `/proc/PID/status`. Programs here set its handler last. A signal that
/// arrives while its own handler is being set is lost (signal-hook-registry sets the handler first, and then
/// what it does), so a test waits for this one and then sends another.
const SIGHUP: u64 = 1;

/// Whether a program of this workspace has set all its handlers: from then on SIGTERM ends it in order.
pub fn has_its_handlers(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & SIGHUP != 0)
}
