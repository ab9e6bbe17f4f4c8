//! From the staged pages to a site, by mdBook.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;

use crate::finish::finish;
use crate::output::replace;
use crate::page::pages;
use crate::stage::stage;

const CONFIG: &str = r#"
[book]
title = "Where does the state live?"
language = "en"

[output.html]
smart-punctuation = false
no-section-label = true
additional-css = ["book.css", "figure.css", "quiz.css", "desk.css", "live.css"]
additional-js = ["follow.js", "progress.js", "present.js", "keys.js", "figure.js", "quiz.js", "live.js", "exercise.js", "challenge.js", "reader.js"]

[output.html.playground]
runnable = false

[output.html.fold]
enable = true
"#;

/// Builds the book into a folder, which is made if it is not there; a former book in it is replaced.
///
/// # Errors
/// The folder has somebody's files in it (see [`replace`]), a page is not as it should be, or something
/// cannot be written.
pub fn build(workspace: &Path, into: &Path) -> Result<()> {
    replace(into, |new| write(workspace, new))
}

/// Writes the book into an empty folder.
///
/// # Errors
/// A page is not as it should be, or something cannot be written.
pub fn write(workspace: &Path, into: &Path) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder for the pages")?;
    let source = folder.path().join("src");
    fs::create_dir(&source)?;
    stage(workspace, &pages(workspace)?, &source)?;
    // A name of ours that mdBook has as well (book.js) would be loaded in the place of its own.
    for (name, text) in [
        ("book.css", include_str!("book.css")),
        ("follow.js", include_str!("follow.js")),
        ("keys.js", include_str!("keys.js")),
        ("figure.css", include_str!("figure.css")),
        ("figure.js", include_str!("figure.js")),
        ("quiz.css", include_str!("quiz.css")),
        ("quiz.js", include_str!("quiz.js")),
        ("desk.css", include_str!("desk.css")),
        ("challenge.js", include_str!("live/challenge.js")),
        ("exercise.js", include_str!("live/exercise.js")),
        ("live.css", include_str!("live/live.css")),
        ("live.js", include_str!("live/live.js")),
        ("present.js", include_str!("present.js")),
        ("progress.js", include_str!("progress.js")),
        ("reader.js", include_str!("reader.js")),
        // Not a page: mdBook copies it as it is.
        ("src/notes.html", include_str!("notes.html")),
    ] {
        fs::write(folder.path().join(name), text)?;
    }
    let mut config: Config = CONFIG.parse()?;
    config.build.build_dir = into.canonicalize()?;
    MDBook::load_with_config(folder.path(), config)?.build()?;
    finish(into)
}
