//! The files that pages name: each is a page of the book as well.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::folder::visible;

/// Where the page of a file is, or the file itself if it is a picture.
pub fn page_of(file: &str) -> String {
    match is_picture(file) {
        true => format!("files/{file}"),
        false => format!("files/{file}.md"),
    }
}

/// The same as a page of the book that is built.
pub fn html_of(file: &str) -> String {
    match is_picture(file) {
        true => page_of(file),
        false => format!("files/{file}.html"),
    }
}

/// What a page of a file begins with, for a reader of the built book who wants to know.
pub const SOURCE: &str = "<!-- a file that pages name -->";

/// Whether a file is shown as it is, and has no page.
pub fn is_picture(file: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|ending| ending == "png")
}

/// Writes the page of a file into the folder of the pages.
///
/// # Errors
/// The file cannot be read, or the page cannot be written.
pub fn write(workspace: &Path, file: &str, into: &Path) -> Result<()> {
    let path = into.join(page_of(file));
    fs::create_dir_all(path.parent().unwrap_or(into))?;
    if is_picture(file) {
        fs::copy(workspace.join(file), path)?;
        return Ok(());
    }
    let shown = shown(&workspace.join(file));
    let shown = shown.with_context(|| format!("a page names {file}, which cannot be read"))?;
    let language = language(file);
    let text = format!("# {file}\n\n{SOURCE}\n\n````{language}\n{shown}\n````\n");
    Ok(fs::write(path, text)?)
}

/// The text of a file, or the names of what is in a folder.
fn shown(path: &Path) -> Result<String> {
    if path.is_file() {
        return Ok(fs::read_to_string(path)?.trim_end().to_owned());
    }
    let names: Vec<_> = visible(path)?
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    Ok(names.join("\n"))
}

fn language(file: &str) -> &'static str {
    match Path::new(file)
        .extension()
        .and_then(|ending| ending.to_str())
    {
        Some("rs") => "rust",
        Some("toml") => "toml",
        Some("ts") => "ts",
        Some("js") => "javascript",
        Some("html") => "html",
        Some("md") => "markdown",
        _ => "text",
    }
}
