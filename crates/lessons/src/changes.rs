//! Whether something was changed that the book shows.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::folder::visible;

/// When a page or a file that a page may name was changed last, and how many of them there are.
pub type Newest = (Option<SystemTime>, usize);

/// When a page, or a file that a page may name, was changed last; and how many there are.
///
/// This is a walk of some 600 files, and not the system's own notices of changes: those do not come from
/// network disks, from folders that a container shares with its host, nor from Windows to WSL.
pub fn newest(workspace: &Path) -> Newest {
    let mut newest = (None, 0);
    let mut folders = vec![workspace.join("lessons"), workspace.join("crates")];
    while let Some(folder) = folders.pop() {
        for path in visible(&folder).unwrap_or_default() {
            let Ok(file) = fs::symlink_metadata(&path) else {
                continue;
            };
            if file.is_dir() {
                // What cargo and npm write is much, and no page names it.
                if !path.ends_with("target") && !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if file.is_file() {
                newest = (newest.0.max(file.modified().ok()), newest.1 + 1);
            }
        }
    }
    newest
}
