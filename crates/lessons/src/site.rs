//! A book that is served.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::book;
use crate::changes::{Newest, newest};
use crate::finish::version;

/// A book in a folder of its own, which is deleted with it.
///
/// A changed page makes a new one, in another folder, and requests that still read the former one keep it
/// until they have their file: no page is missing while the book is built.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    versions: HashMap<String, String>,
    made_of: Newest,
}

impl Site {
    /// Builds the book of a workspace.
    ///
    /// # Errors
    /// A page is not as it should be, or something cannot be written.
    pub fn build(workspace: &Path) -> Result<Self> {
        // Before the pages are read: one that is changed meanwhile is a change of this book.
        let made_of = newest(workspace);
        let folder = tempfile::tempdir().context("cannot make a folder for the book")?;
        book::write(workspace, folder.path())?;
        let mut versions = HashMap::new();
        read_versions(folder.path(), "", &mut versions)?;
        Ok(Self {
            folder,
            versions,
            made_of,
        })
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The pages and files that it was made of.
    pub fn made_of(&self) -> Newest {
        self.made_of
    }

    /// The version of a page's text: `10-singleton-game.html`.
    pub fn version(&self, page: &str) -> Option<&str> {
        self.versions.get(page).map(String::as_str)
    }
}

fn read_versions(folder: &Path, at: &str, versions: &mut HashMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{at}{name}");
        if path.is_dir() {
            read_versions(&path, &format!("{name}/"), versions)?;
        } else if name.ends_with(".html")
            && let Some(version) = version(&fs::read_to_string(&path)?)
        {
            versions.insert(name, version.to_owned());
        }
    }
    Ok(())
}
