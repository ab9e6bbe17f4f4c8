//! The pages as they stand in `lessons/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::folder::visible;

/// A page and what its first lines say of it.
#[derive(Clone, Debug)]
pub struct Page {
    /// `03-live-state.md`.
    pub file: String,
    /// `3. State in memory that needs …`.
    pub title: String,
    /// How long it takes a reader who does all of it, as printed; see [`minutes`](crate::minutes::minutes).
    pub minutes: u32,
    /// Of the core, or for who wants to go deeper.
    pub is_core: bool,
    /// The Markdown of the page, with its title.
    pub text: String,
}

/// The workspace that this program was built in.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.ancestors().nth(2);
    workspace
        .expect("crates/lessons is two folders below it")
        .to_owned()
}

/// All pages, in their order.
///
/// # Errors
/// A page cannot be read, or its first lines are not a title and its minutes.
pub fn pages(workspace: &Path) -> Result<Vec<Page>> {
    let folder = workspace.join("lessons");
    let paths = visible(&folder);
    let paths = paths.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut pages = Vec::new();
    for path in paths {
        if path.extension().is_some_and(|ending| ending == "md") {
            pages.push(Page::read(&path)?);
        }
    }
    ensure!(
        !pages.is_empty(),
        "there is no page in {}",
        folder.display()
    );
    Ok(pages)
}

impl Page {
    fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let form = || {
            format!(
                "{}: a page begins with `# 3. Title` and, after an empty line, `15 minutes · core` (or `· deeper`)",
                path.display()
            )
        };
        let mut lines = text.lines();
        let title = lines
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .with_context(form)?;
        let head = lines
            .nth(1)
            .and_then(|line| line.split_once(" minutes · "))
            .with_context(form)?;
        let is_core = match head.1 {
            "core" => true,
            "deeper" => false,
            _ => return Err(anyhow::anyhow!(form())),
        };
        let file = path.file_name().unwrap_or_default();
        Ok(Self {
            file: file.to_string_lossy().into_owned(),
            title: title.to_owned(),
            minutes: head.0.parse().with_context(form)?,
            is_core,
            text,
        })
    }
}
