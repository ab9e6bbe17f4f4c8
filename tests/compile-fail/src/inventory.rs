//! The inventory: which cases, snapshots and twins there are for one crate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The crates that have a folder in `ui/`, in the order of the lessons.
pub const CRATES: [&str; 9] = [
    "reading-rust",
    "module-store",
    "reducer-game",
    "exported-game",
    "singleton-game",
    "hub",
    "pubsub-manager",
    "injected-game",
    "actor-game",
];

/// The names in one folder of `ui/`, without their endings.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Programs that must not compile.
    pub cases: BTreeSet<String>,
    /// What the compiler said about them.
    pub snapshots: BTreeSet<String>,
    /// The same programs done right.
    pub twins: BTreeSet<String>,
}

/// A folder that should be there and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the folder {}", folder.display())]
pub struct UnreadableFolder {
    folder: PathBuf,
    source: io::Error,
}

impl Inventory {
    /// Reads the names of the files in `folder`.
    ///
    /// # Errors
    /// If the folder, or `twin` in it, is not there: an empty inventory must not look like a complete one.
    pub fn read(folder: &Path) -> Result<Self, UnreadableFolder> {
        Ok(Self {
            cases: names(folder, "rs")?,
            snapshots: names(folder, "stderr")?,
            twins: names(&folder.join("twin"), "rs")?,
        })
    }

    /// Cases without a snapshot: a refusal for another reason would not be noticed.
    pub fn cases_without_snapshot(&self) -> BTreeSet<String> {
        &self.cases - &self.snapshots
    }

    /// Snapshots of cases that were renamed or removed.
    pub fn snapshots_without_case(&self) -> BTreeSet<String> {
        &self.snapshots - &self.cases
    }

    /// Cases without a twin that does it right, and twins without a case.
    pub fn without_twin(&self) -> BTreeSet<String> {
        &self.cases ^ &self.twins
    }
}

/// The folder of every case.
pub fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// The names of the files in `folder` that end in `ending`, without it.
///
/// # Errors
/// If the folder cannot be read.
pub fn names(folder: &Path, ending: &str) -> Result<BTreeSet<String>, UnreadableFolder> {
    let read = || -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|found| found == ending)
                && let Some(name) = path.file_stem().map(|name| name.to_string_lossy())
                // An editor's lock `.#case.rs`, or what macOS keeps on a disk of another system.
                && !name.starts_with('.')
            {
                names.insert(name.into_owned());
            }
        }
        Ok(names)
    };
    read().map_err(|source| UnreadableFolder {
        folder: folder.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(cases: &[&str], snapshots: &[&str], twins: &[&str]) -> Inventory {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Inventory {
            cases: set(cases),
            snapshots: set(snapshots),
            twins: set(twins),
        }
    }

    fn only_b() -> BTreeSet<String> {
        ["b".to_owned()].into()
    }

    #[test]
    fn a_complete_inventory_lacks_nothing() {
        let complete = inventory(&["a"], &["a"], &["a"]);
        assert!(complete.cases_without_snapshot().is_empty());
        assert!(complete.snapshots_without_case().is_empty());
        assert!(complete.without_twin().is_empty());
    }

    #[test]
    fn a_case_without_its_snapshot_is_named() {
        let incomplete = inventory(&["a", "b"], &["a"], &["a", "b"]);
        assert_eq!(incomplete.cases_without_snapshot(), only_b());
    }

    #[test]
    fn a_snapshot_without_its_case_is_named() {
        let incomplete = inventory(&["a"], &["a", "b"], &["a"]);
        assert_eq!(incomplete.snapshots_without_case(), only_b());
    }

    #[test]
    fn a_case_without_its_twin_is_named_and_a_twin_without_its_case_as_well() {
        let no_twin = inventory(&["a", "b"], &["a", "b"], &["a"]);
        assert_eq!(no_twin.without_twin(), only_b());
        let no_case = inventory(&["a"], &["a"], &["a", "b"]);
        assert_eq!(no_case.without_twin(), only_b());
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error_and_not_an_empty_inventory() {
        let error = Inventory::read(Path::new("no/such/folder")).unwrap_err();
        assert!(error.to_string().ends_with("no/such/folder"));
    }
}
