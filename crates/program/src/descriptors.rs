//! How many connections this process may have open.

/// Raises the limit of descriptors as far as `wished`, or as the system allows, and returns what it is now.
///
/// A shell gives a program 1,024 of them where the system would allow it many more, and a server that
/// runs out of them accepts no connection.
pub fn raise_descriptor_limit(wished: u64) -> u64 {
    // What most systems start a program with, and the least that is likely.
    rlimit::increase_nofile_limit(wished).unwrap_or(1024)
}
