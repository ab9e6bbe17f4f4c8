//! Cargo, started by a program that cargo itself may have started.

use std::env;
use std::ffi::OsString;
use std::process::Command;

/// The cargo that runs this program, or the first on the `PATH`.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Removes from a command's environment what cargo tells this program about its own package.
///
/// An inner cargo would hand it on to build scripts. That of `ring` is run again when one of these
/// variables changes, so `cargo build -p stock-feed` took 46 s after `cargo run -p lessons -- warm`, and as
/// long once more when the reader typed it in a terminal.
pub fn forget_this_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Cargo with these words, without a network.
pub fn offline<T: AsRef<str>>(words: &[T]) -> Vec<OsString> {
    let mut all: Vec<OsString> = words.iter().map(|word| word.as_ref().into()).collect();
    // Behind the subcommand, and before a `--` that ends cargo's own words.
    all.insert(1.min(all.len()), "--offline".into());
    all.insert(0, cargo());
    all
}
