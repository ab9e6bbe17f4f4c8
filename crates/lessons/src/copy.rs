//! A copy of the workspace, in which changes are made and taken back. The reader's own files stay as they
//! are.
//!
//! The copy is built into the workspace's own build folder, where tokio and the rest are built already:
//! the first try takes 3 s instead of 36 s. Cargo tells packages apart by name and version, so the
//! packages of the copy have a version of their own, and none is taken for one of the workspace. Finished
//! programs go to a folder of the copy: otherwise `target/debug/singleton-game` would be the changed one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};

use crate::try_it::Change;

/// The folders that are copied. The pages are copied as well, because tests read them; what else is in
/// `lessons` can be large.
const FOLDERS: [&str; 3] = ["crates", "tests", "lessons/exercises"];

/// A copy of the workspace.
#[derive(Debug)]
pub struct Copy {
    folder: PathBuf,
    /// The target folder of the workspace.
    target: PathBuf,
}

impl Copy {
    /// Makes the copy, or updates it: an unchanged file is not written, so it is not built again. Each
    /// `name` is a copy of its own, with a version of its own.
    ///
    /// # Errors
    /// Something cannot be read or written.
    pub fn of(workspace: &Path, target: &Path, name: &str) -> Result<Self> {
        let folder = target.join(name);
        for part in FOLDERS {
            mirror(&workspace.join(part), &folder.join(part))
                .with_context(|| format!("cannot copy {part}"))?;
        }
        for entry in fs::read_dir(workspace.join("lessons"))? {
            let page = entry?.path();
            if page.extension().is_some_and(|extension| extension == "md")
                && let Some(name) = page.file_name()
            {
                write(&folder.join("lessons").join(name), &fs::read(&page)?)?;
            }
        }
        let manifest = fs::read_to_string(workspace.join("Cargo.toml"))?;
        let line = |line: &str| match line.strip_prefix("version = \"") {
            Some(version) => format!("version = \"{}-{name}\"\n", version.trim_end_matches('"')),
            None => format!("{line}\n"),
        };
        let manifest: String = manifest.lines().map(line).collect();
        let lock = fs::read(workspace.join("Cargo.lock"))?;
        // Cargo writes the copy's versions into the copy's lock, so that is not compared with ours.
        let is_new = write(&folder.join("Cargo.toml"), manifest.as_bytes())?;
        let is_relocked = write(&folder.join("workspace.lock"), &lock)?;
        if is_new || is_relocked {
            fs::write(folder.join("Cargo.lock"), lock)?;
        }
        Ok(Self {
            folder,
            target: target.to_owned(),
        })
    }

    /// Where the copy is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Cargo's environment in the copy.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("CARGO_TARGET_DIR", self.folder.join("target").into()),
            ("CARGO_BUILD_BUILD_DIR", self.target.clone().into()),
        ]
    }

    /// Makes a change, which is taken back when the returned value is dropped.
    ///
    /// # Errors
    /// A file does not contain the lines that the change removes.
    pub fn with(&self, change: &Change) -> Result<Made> {
        let mut made = Made::default();
        for edit in &change.edits {
            let path = self.folder.join(&edit.file);
            let text = fs::read_to_string(&path).with_context(|| edit.file.clone())?;
            made.write(&path, &edit.made_in(&text)?)?;
        }
        if let Some([from, to]) = change.example() {
            let text = fs::read_to_string(self.folder.join(from))?;
            made.write(&self.folder.join(to), &text)?;
        }
        Ok(made)
    }

    /// Writes files, which are restored when the returned value is dropped.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn with_files(&self, files: &[(&str, &str)]) -> Result<Made> {
        let mut made = Made::default();
        for (file, text) in files {
            made.write(&self.folder.join(file), text)?;
        }
        Ok(made)
    }
}

/// Files that were written, each with its former text.
#[derive(Debug, Default)]
pub struct Made(Vec<(PathBuf, Option<String>)>);

impl Made {
    fn write(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let before = fs::read_to_string(path).ok();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        self.0.push((path.to_owned(), before));
        fs::write(path, text)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // The last edit first, because two edits of one change may be in one file. If the book is killed
        // before this, or this fails, the next update of the copy restores the file.
        for (path, before) in self.0.iter().rev() {
            let _ = match before {
                Some(text) => fs::write(path, text),
                None => fs::remove_file(path),
            };
        }
    }
}

/// Makes one folder equal to another.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    let mut names = BTreeSet::new();
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let path = to.join(entry.file_name());
        match entry.file_type()? {
            // A link may lead out of the workspace; a target folder is large and not a source.
            kind if kind.is_symlink() || entry.file_name() == "target" => continue,
            kind if kind.is_dir() => mirror(&entry.path(), &path)?,
            _ => {
                write(&path, &fs::read(entry.path())?)?;
            }
        }
        names.insert(entry.file_name());
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
    }
    Ok(())
}

/// Writes a file if its text differs, and returns whether it did.
fn write(path: &Path, text: &[u8]) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|written| written == text) {
        return Ok(false);
    }
    fs::write(path, text)?;
    Ok(true)
}
