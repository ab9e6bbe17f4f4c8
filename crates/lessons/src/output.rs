//! The folder that `build` writes a book into.
//!
//! Somebody's files may be in it, or be put there later: `.git`, `CNAME`. So a folder that is not empty is
//! refused unless a book was built there before, and then only the files of that book are replaced. A file
//! of its own, [`RECORD`], has their names.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use program::BadInput;

/// The file with the names of a book's files.
pub const RECORD: &str = ".lessons-book";

/// The first line of the record, for a reader who finds it.
const HEAD: &str = "# Written by `cargo run -p lessons -- build`. The next build replaces these files, and leaves all others alone.";

/// Replaces the book in a folder, which is made if it is not there, by the one that `write` writes.
///
/// The new book is written beside the former one, and its files are then moved over the former ones, so a
/// server of this folder always finds a whole page.
///
/// # Errors
/// There are files in the folder that no build has written ([`BadInput`]), or `write` failed; then the
/// folder is as it was. Or something cannot be read or moved; then the same build can be repeated.
pub fn replace(into: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let former = former(into)?;
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    // In the folder itself, because a file can only be moved within one disk.
    let new = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(into);
    let new = new.with_context(|| format!("cannot write into {}", into.display()))?;
    write(new.path())?;
    let mut files = BTreeSet::new();
    files_under(new.path(), Path::new(""), &mut files)?;
    if let Some(file) = files
        .difference(&former)
        .find(|file| into.join(file).exists())
    {
        let file = into.join(file);
        return Err(BadInput::new(format!(
            "{} was not written by a build, and the book has a file of this name: move yours away",
            file.display()
        ))
        .into());
    }
    // Both, until all is moved: a build that is cut off can be repeated.
    record(into, former.union(&files))?;
    for file in &files {
        let to = into.join(file);
        fs::create_dir_all(to.parent().unwrap_or(into))?;
        fs::rename(new.path().join(file), &to)
            .with_context(|| format!("cannot write {}", to.display()))?;
    }
    for file in former.difference(&files) {
        remove(into, file)?;
    }
    record(into, files.iter())
}

/// The files of the book that is in this folder; none if it is empty or not there.
fn former(into: &Path) -> Result<BTreeSet<PathBuf>> {
    match fs::read_to_string(into.join(RECORD)) {
        Ok(text) => {
            let names = text.lines().filter(|line| !line.starts_with('#'));
            // A line that leads out of the folder is not ours.
            let is_inside = |path: &PathBuf| {
                path.components()
                    .all(|part| matches!(part, Component::Normal(_)))
            };
            return Ok(names.map(PathBuf::from).filter(is_inside).collect());
        }
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {}
        Err(error) => {
            let record = into.join(RECORD);
            return Err(error).with_context(|| format!("cannot read {}", record.display()));
        }
    }
    match fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(BTreeSet::new()),
        Ok(false) => {
            let (into, book) = (into.display(), into.join("book"));
            Err(BadInput::new(format!(
                "{into} has files that are not a book of this program, and they would be lost: build \
                 into a folder that is empty or not there, for example {}",
                book.display()
            ))
            .into())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(BadInput::new(format!("{} is a file, and not a folder", into.display())).into())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", into.display())),
    }
}

fn record<'a>(into: &Path, files: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    let mut text = format!("{HEAD}\n");
    for file in files {
        text.push_str(&file.to_string_lossy());
        text.push('\n');
    }
    let file = into.join(RECORD);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// The paths of all files in a folder, as seen from there.
fn files_under(folder: &Path, at: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(at))? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => files_under(folder, &path, files)?,
            false => {
                files.insert(path);
            }
        }
    }
    Ok(())
}

/// Removes a file of the former book, and the folders that are empty then.
fn remove(into: &Path, file: &Path) -> Result<()> {
    let path = into.join(file);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", path.display()));
        }
        _ => {}
    }
    for folder in file.ancestors().skip(1) {
        // The last one is the folder of the book, which has the record; a folder that is not empty stays.
        if fs::remove_dir(into.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}
