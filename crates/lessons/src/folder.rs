//! What is in a folder, for those who read it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files and folders in a folder, sorted by name, without the hidden ones.
///
/// Hidden files are not pages: Emacs keeps a lock `.#05-module-store.md`, a link that leads nowhere, beside
/// a page that is being edited, and macOS a file `._05-module-store.md` on a disk of another system.
///
/// # Errors
/// The folder cannot be read.
pub fn visible(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !is_hidden(&entry.file_name()) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether a name begins with a dot.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}
