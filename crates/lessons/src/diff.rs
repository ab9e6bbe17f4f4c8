//! What differs between two crates that tell the same story: the lesson, often.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use similar::TextDiff;

use crate::folder::visible;

/// A unified diff of the source files of two crates, without comments and empty lines.
///
/// # Errors
/// There is no such crate.
pub fn of_crates(workspace: &Path, one: &str, other: &str) -> Result<String> {
    let folders = [one, other].map(|name| workspace.join("crates").join(name).join("src"));
    let mut files = BTreeSet::new();
    for folder in &folders {
        let paths = visible(folder);
        let paths = paths.with_context(|| format!("there is no crate at {}", folder.display()))?;
        files.extend(
            paths
                .iter()
                .filter_map(|path| path.file_name().map(ToOwned::to_owned)),
        );
    }
    let mut differs = String::new();
    for file in files {
        let [one_text, other_text] = folders.each_ref().map(|folder| code(&folder.join(&file)));
        let name = file.to_string_lossy();
        let diff = TextDiff::from_lines(&one_text, &other_text);
        let mut unified = diff.unified_diff();
        unified.context_radius(2);
        unified.header(&format!("{one}/src/{name}"), &format!("{other}/src/{name}"));
        differs.push_str(&unified.to_string());
    }
    Ok(differs)
}

/// A file without comments and empty lines; empty if there is no such file.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    text.lines()
        .filter(is_code)
        .map(|line| format!("{line}\n"))
        .collect()
}
